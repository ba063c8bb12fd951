/**
 * Names of folders: which are legal, and how one leads to a folder.
 *
 * A name is a path of parts joined by `/`. INBOX is the same in any case (RFC 9051 §5.1); so are all others here, but
 * each is shown as it was written, since `Sent` beside `sent` helps nobody.
 */
import type { View } from '../../runtime/actor/actor.ts';
import type { FolderId } from './protocol.ts';
import { badFolderName } from './refusals.ts';
import { type FolderRow, folderNameKey, inboxId, rootId } from './rows.ts';

const partBytesMax = 255;
export const depthMax = 32;

/** RFC 9051 §5.1: * and % are wildcards of LIST. RFC 5198 §2 has no controls and no line separators. */
const forbidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}*%]/u;

/** @throws {OperationError} `badFolderName` */
export function parseFolderName(name: string): readonly string[] {
  if (name.length > depthMax * (partBytesMax + 1)) throw badFolderName('it is too long');
  // RFC 9051 §6.3.4: a final separator only says that folders will be made below.
  const parts = name.normalize('NFC').replace(/\/$/, '').split('/');
  if (parts.length > depthMax) throw badFolderName(`it has more than ${depthMax} parts`);
  for (const part of parts) {
    if (part === '') throw badFolderName('a part of it is empty');
    if (part === '.' || part === '..') throw badFolderName(`"${part}" is no part of a name`);
    if (forbidden.test(part)) throw badFolderName('* and % and control characters are not taken');
    if (part.trim() !== part) throw badFolderName('a part of it begins or ends with a blank');
    if (Buffer.byteLength(part) > partBytesMax)
      throw badFolderName(`a part of it is longer than ${partBytesMax} bytes`);
  }
  return parts;
}

export const foldName = (part: string): string => part.toLowerCase().normalize('NFC');

/** One step down a path. INBOX is found without a look-up. */
export function childOf(view: View, parentId: FolderId, part: string): FolderId | null {
  const folded = foldName(part);
  if (parentId === rootId && folded === 'inbox') return inboxId;
  return view.get<FolderId>(folderNameKey(parentId, folded)) ?? null;
}

/** Null when there is no such folder. @throws {OperationError} `badFolderName` */
export function findFolder(view: View, name: string): FolderId | null {
  if (name === 'INBOX') return inboxId;
  let id: FolderId | null = rootId;
  for (const part of parseFolderName(name)) {
    id = childOf(view, id, part);
    if (id === null) return null;
  }
  return id;
}

/** Whole names of all folders. */
export function wholeNames(rows: ReadonlyMap<FolderId, FolderRow>): ReadonlyMap<FolderId, string> {
  const names = new Map<FolderId, string>();
  const nameOf = (id: FolderId): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const row = rows.get(id);
    if (row === undefined) return '';
    const name = row.parentId === rootId ? row.name : `${nameOf(row.parentId)}/${row.name}`;
    names.set(id, name);
    return name;
  };
  for (const id of rows.keys()) nameOf(id);
  return names;
}
