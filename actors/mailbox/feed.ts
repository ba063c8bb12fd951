/**
 * The change feed (RFC 7162): what has happened since a MODSEQ, over all folders.
 *
 * Of a live message it has the last change alone. So a reader that meets `flags` of a message it does not know takes it
 * as `added`. Tombstones are kept for 30 days; who comes back later is told that the list is not complete.
 */
import type { Turn, View } from '../../runtime/actor/actor.ts';
import { findMailbox, type OpenMailbox } from './open-mailbox.ts';
import type { Change, FolderId, MailboxAnswers, MailboxQuery, ModSeq, Uid } from './protocol.ts';
import { rowsAsked } from './bulk.ts';
import { type FeedRow, feedKey, type HeadRow, headKey, type TombstoneRow, tombstoneKey } from './rows.ts';

const keptMs = 30 * 24 * 3_600_000;
/** Tombstones that came in one hour go in one turn. */
const forgetEveryMs = 3_600_000;
const forgottenPerTurnMax = 500;

export const tombstoneTimer = 'tombstones';

export function rememberTombstone(box: OpenMailbox, folderId: FolderId, uid: Uid): ModSeq {
  const { turn, head } = box;
  const modSeq = box.nextModSeq();
  turn.put(tombstoneKey(modSeq), [folderId, uid, turn.nowMs] satisfies TombstoneRow);
  if (!head.forgetsTombstones) {
    head.forgetsTombstones = true;
    turn.setTimer(tombstoneTimer, turn.nowMs + keptMs + forgetEveryMs);
  }
  return modSeq;
}

/** On the timer: a bounded number a turn, oldest first. */
export function forgetTombstones(turn: Turn): void {
  const box = findMailbox(turn);
  if (box === null) return;
  const { head } = box;
  const oldest = turn.range<TombstoneRow>({ prefix: ['g'], limit: forgottenPerTurnMax });
  let next: number | null = oldest.length < forgottenPerTurnMax ? null : turn.nowMs;
  for (const { key, value } of oldest) {
    if (value[2] + keptMs > turn.nowMs) {
      next = value[2] + keptMs + forgetEveryMs;
      break;
    }
    turn.delete(key);
    head.forgottenModSeq = Number(key[1]);
  }
  head.forgetsTombstones = next !== null;
  if (next !== null) turn.setTimer(tombstoneTimer, next);
  box.save();
}

export function changes(view: View, query: MailboxQuery & { readonly kind: 'changes' }): MailboxAnswers['changes'] {
  const head = view.get<HeadRow>(headKey);
  if (head === undefined || head.isPurging) return { changes: [], next: null, isComplete: true };
  const limit = rowsAsked(query.limit);
  const live = view.range<FeedRow>({ prefix: ['c'], from: feedKey(query.since), limit });
  const gone = view.range<TombstoneRow>({ prefix: ['g'], from: tombstoneKey(query.since), limit });
  const all: Change[] = [
    ...live.map(({ key, value: [folderId, uid, what] }) => ({ modSeq: Number(key[1]), folderId, uid, what })),
    ...gone.map(({ key, value: [folderId, uid] }) => ({
      modSeq: Number(key[1]),
      folderId,
      uid,
      what: 'removed' as const,
    })),
  ];
  // Each list is whole up to its own last row; sorted together and cut, so is the first `limit` of both.
  const list = all.sort((a, b) => a.modSeq - b.modSeq).slice(0, limit);
  const isMore = live.length === limit || gone.length === limit || all.length > limit;
  return {
    changes: list,
    next: isMore ? (list.at(-1)?.modSeq ?? null) : null,
    // Who begins at 0 knows no message, and need not be told which ones are gone.
    isComplete: query.since === 0 || query.since >= head.forgottenModSeq,
  };
}
