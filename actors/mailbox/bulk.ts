/**
 * How work on many messages is cut into turns (plan §5): a turn that runs for long holds up the heartbeats.
 *
 * Promises: a turn of bulk work does at least one item and stays inside the budget of reads and writes.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import type { Uid } from './protocol.ts';
import type { MessageRow } from './rows.ts';

export const messagesPerTurnMax = 500;
/** Of rows that are written; a turn may write 4 MiB. */
const bytesPerTurnMax = 2 * 1024 * 1024;
/** Left for what closes a turn: the addresses that are told of a quota. */
export const rowsKept = 1000;
/** Rows that one query answers at most. */
const rowsAskedMax = 1000;

/**
 * Runs `step` for the items `from` … `count - 1` until the turn has done enough.
 * @param step answers how many bytes it wrote, about
 * @returns the first item that is still to do; `count` when none is
 */
export function runBulk(turn: Turn, from: number, count: number, step: (item: number) => number): number {
  let bytes = 0;
  let at = from;
  while (at < count) {
    bytes += step(at++);
    if (at - from >= messagesPerTurnMax || bytes >= bytesPerTurnMax || turn.rowsLeft <= rowsKept) break;
  }
  return at;
}

/** Bytes of a message's row, about and at most: facts of a header may be 998 characters of 4 bytes. */
export function rowBytes({ prefix, header, flags, address, reversePath }: MessageRow): number {
  const texts = header.subject.length + header.from.length + (header.messageId?.length ?? 0);
  return 300 + prefix.byteLength + 3 * (texts + address.length + reversePath.length) + 16 * flags.length;
}

/** Each once, in the order given: a set is what IMAP and JMAP mean by a list of UIDs. */
export const distinct = (uids: readonly Uid[]): readonly Uid[] => {
  const set = new Set(uids);
  return set.size === uids.length ? uids : [...set];
};

export const rowsAsked = (limit: number): number => Math.max(1, Math.min(rowsAskedMax, Math.trunc(limit) || 1));
