/**
 * Making, renaming and deleting folders (RFC 9051 §6.3.4 to §6.3.6).
 *
 * Promises: UIDVALIDITY strictly grows from folder to folder, so that a name that is made anew never brings back old
 * UIDs. A rename changes one folder, whatever is below it. Deleting takes the name away at once and the messages in
 * bounded turns on a timer, which a takeover does not lose.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { messagesPerTurnMax, rowBytes, rowsKept, runBulk } from './bulk.ts';
import { childOf, depthMax, foldName, parseFolderName } from './folder-names.ts';
import { removeMessage } from './messages.ts';
import { findMailbox, type OpenFolder, type OpenMailbox, openMailbox } from './open-mailbox.ts';
import type { FolderId, MailboxCommand } from './protocol.ts';
import {
  badFolderName,
  badSpecialUse,
  folderExists,
  folderHasChildren,
  inboxStays,
  tooManyFolders,
} from './refusals.ts';
import { folderNameKey, inboxId, type MessageRow, rootId, sweepKey } from './rows.ts';

type Command<Kind> = MailboxCommand & { readonly kind: Kind };

/** One query lists them all. */
const foldersMax = 10_000;
/** RFC 6154 §2 and RFC 8457 §4. */
const specialUses = ['\\All', '\\Archive', '\\Drafts', '\\Flagged', '\\Important', '\\Junk', '\\Sent', '\\Trash'];

export const sweepTimer = 'sweep';

export function createFolder(turn: Turn, command: Command<'createFolder'>): { readonly folderId: FolderId } {
  const box = openMailbox(turn);
  const parts = parseFolderName(command.name);
  const special = command.specialUse?.toLowerCase();
  const specialUse = specialUses.find((use) => use.toLowerCase() === special) ?? null;
  if (special !== undefined && specialUse === null) throw badSpecialUse();
  const parentId = makeParents(box, parts);
  const name = parts.at(-1) as string;
  if (childOf(turn, parentId, name) !== null) throw folderExists();
  const folder = newFolder(box, parentId, name, specialUse);
  box.save();
  return { folderId: folder.id };
}

/** The folder of that name, made when it is missing. Leaves `save` to the caller. */
export function folderNamed(box: OpenMailbox, name: string): OpenFolder {
  const parts = parseFolderName(name);
  const parentId = makeParents(box, parts);
  const own = parts.at(-1) as string;
  const there = childOf(box.turn, parentId, own);
  return there === null ? newFolder(box, parentId, own, null) : box.folder(there);
}

/** Leaves `save` to the caller. */
export function newFolder(box: OpenMailbox, parentId: FolderId, name: string, specialUse: string | null): OpenFolder {
  const { turn, head } = box;
  if (head.folders >= foldersMax) throw tooManyFolders();
  // RFC 9051 §2.3.1.1 advises the time. Seconds fit into 32 bits until 2106, and two folders may be made in one.
  head.lastUidValidity = Math.max(Math.floor(turn.nowMs / 1000), head.lastUidValidity + 1);
  head.folders++;
  const id = head.nextFolderId++;
  turn.put(folderNameKey(parentId, foldName(name)), id);
  return box.addFolder(id, {
    parentId,
    name,
    uidValidity: head.lastUidValidity,
    uidNext: 1,
    // RFC 7162 §7: HIGHESTMODSEQ is never 0.
    highestModSeq: box.nextModSeq(),
    messages: 0,
    unseen: 0,
    sizeBytes: 0,
    specialUse,
    isGone: false,
  });
}

export function renameFolder(turn: Turn, { folderId, name }: Command<'renameFolder'>): Record<string, never> {
  const box = openMailbox(turn);
  const folder = box.folder(folderId);
  if (folderId === inboxId) throw inboxStays();
  const parts = parseFolderName(name);
  const parentId = makeParents(box, parts, folderId);
  const own = parts.at(-1) as string;
  const there = childOf(turn, parentId, own);
  if (there !== null && there !== folderId) throw folderExists();
  if (parts.length - 1 + heightOf(turn, folderId) > depthMax) {
    throw badFolderName(`what is below it would have more than ${depthMax} parts`);
  }
  turn.delete(folderNameKey(folder.row.parentId, foldName(folder.row.name)));
  turn.put(folderNameKey(parentId, foldName(own)), folderId);
  folder.row.parentId = parentId;
  folder.row.name = own;
  box.changed(folder);
  box.save();
  return {};
}

export function deleteFolder(turn: Turn, { folderId }: Command<'deleteFolder'>): Record<string, never> {
  const box = openMailbox(turn);
  const folder = box.folder(folderId);
  if (folderId === inboxId) throw inboxStays();
  // RFC 9051 §6.3.5 leaves the choice; without them the names below would hang in the air.
  if (turn.range({ prefix: ['fn', folderId], limit: 1 }).length > 0) throw folderHasChildren();
  turn.delete(folderNameKey(folder.row.parentId, foldName(folder.row.name)));
  if (folder.row.messages === 0) {
    box.dropFolder(folder);
  } else {
    folder.row.isGone = true;
    box.changed(folder);
    turn.put(sweepKey(folderId), true);
    turn.setTimer(sweepTimer, turn.nowMs);
  }
  box.save();
  return {};
}

/** On the timer: removes messages of deleted folders, and last the folder itself. */
export function sweep(turn: Turn): void {
  const [next] = turn.range({ prefix: ['z'], limit: 1 });
  const box = findMailbox(turn);
  if (next === undefined || box === null) return;
  const folderId = Number(next.key[1]);
  const folder = box.folderOrRemains(folderId);
  const rows = turn.range<MessageRow>({ prefix: ['m', folderId], limit: messagesPerTurnMax });
  runBulk(turn, 0, folder === null ? 0 : rows.length, (i) => {
    const { key, value } = rows[i] as (typeof rows)[number];
    removeMessage(box, folder as OpenFolder, Number(key[2]), value);
    return rowBytes(value);
  });
  if (folder === null || folder.row.messages === 0) {
    turn.delete(sweepKey(folderId));
    if (folder !== null) box.dropFolder(folder);
  }
  turn.setTimer(sweepTimer, turn.nowMs);
  box.save();
}

/** The folder above the last part. Missing ones are made, as RFC 9051 §6.3.4 and §6.3.6 would have it. */
function makeParents(box: OpenMailbox, parts: readonly string[], renamed?: FolderId): FolderId {
  let parentId = rootId;
  for (const part of parts.slice(0, -1)) {
    parentId = childOf(box.turn, parentId, part) ?? newFolder(box, parentId, part, null).id;
    if (parentId === renamed) throw badFolderName('a folder cannot go below itself');
  }
  return parentId;
}

/** Levels of the tree that begins at a folder: 1 when nothing is below. */
function heightOf(turn: Turn, folderId: FolderId): number {
  let level = [folderId];
  for (let height = 1; height <= depthMax; height++) {
    const below: FolderId[] = [];
    for (const id of level) {
      const limit = turn.rowsLeft - rowsKept;
      if (limit <= 0) throw tooManyFolders();
      for (const { value } of turn.range<FolderId>({ prefix: ['fn', id], limit })) below.push(value);
    }
    if (below.length === 0) return height;
    level = below;
  }
  return depthMax + 1;
}
