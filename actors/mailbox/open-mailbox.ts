/**
 * A mailbox as one turn has it in hand: head and folders are read once, changed in memory and written once.
 *
 * Promises: `save` writes exactly what was changed, and tells the addresses when the quota was crossed.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import type { FolderId, ModSeq } from './protocol.ts';
import { tellIfCrossed } from './quota.ts';
import { noSuchFolder, noSuchMailbox } from './refusals.ts';
import { type FolderRow, folderKey, type HeadRow, headKey, type Mutable } from './rows.ts';

export interface OpenFolder {
  readonly id: FolderId;
  readonly row: Mutable<FolderRow>;
}

export class OpenMailbox {
  readonly turn: Turn;
  readonly head: Mutable<HeadRow>;
  readonly #before: HeadRow;
  readonly #folders = new Map<FolderId, OpenFolder>();
  readonly #changed = new Set<OpenFolder>();

  constructor(turn: Turn, head: HeadRow) {
    this.turn = turn;
    this.head = { ...head };
    this.#before = head;
  }

  /** @throws {OperationError} `noSuchFolder`, also when it is deleted and only its messages are still there */
  folder(folderId: FolderId): OpenFolder {
    const folder = this.folderOrRemains(folderId);
    if (folder === null || folder.row.isGone) throw noSuchFolder();
    return folder;
  }

  /** As `folder`, but finds a deleted one too; null when nothing is left of it. */
  folderOrRemains(folderId: FolderId): OpenFolder | null {
    const open = this.#folders.get(folderId);
    if (open !== undefined) return open;
    const row = this.turn.get<FolderRow>(folderKey(folderId));
    if (row === undefined) return null;
    const folder = { id: folderId, row: { ...row } };
    this.#folders.set(folderId, folder);
    return folder;
  }

  addFolder(id: FolderId, row: FolderRow): OpenFolder {
    const folder = { id, row: { ...row } };
    this.#folders.set(id, folder);
    this.changed(folder);
    return folder;
  }

  /** Marks a folder for `save`. */
  changed(folder: OpenFolder): void {
    this.#changed.add(folder);
  }

  /** Takes the row of a folder away, and the folder out of what `save` writes. */
  dropFolder(folder: OpenFolder): void {
    this.#changed.delete(folder);
    this.#folders.delete(folder.id);
    this.turn.delete(folderKey(folder.id));
    this.head.folders--;
  }

  /** RFC 7162 §3.1: each change of a message has one of its own, so that the feed has one row at each. */
  nextModSeq(): ModSeq {
    return ++this.head.modSeq;
  }

  save(): void {
    tellIfCrossed(this.turn, this.head);
    for (const folder of this.#changed) this.turn.put(folderKey(folder.id), folder.row);
    const isChanged = (Object.keys(this.head) as (keyof HeadRow)[]).some(
      (name) => this.head[name] !== this.#before[name],
    );
    if (isChanged) this.turn.put(headKey, this.head);
  }
}

/** @throws {OperationError} `noSuchMailbox` */
export function openMailbox(turn: Turn): OpenMailbox {
  const box = findMailbox(turn);
  if (box === null) throw noSuchMailbox();
  return box;
}

/** Null when there is none, or none any more. */
export function findMailbox(turn: Turn): OpenMailbox | null {
  const head = turn.get<HeadRow>(headKey);
  return head === undefined || head.isPurging ? null : new OpenMailbox(turn, head);
}
