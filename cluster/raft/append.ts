/**
 * The follower's side of log replication [R §3.5].
 *
 * Promises: what is acked is equal to the leader's log and durable before the ack leaves; a committed entry is never
 * truncated; nothing at or behind `damagedFrom` is acked before it is repaired.
 */
import { type LogIndex, logIndex, type NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { commitUpTo } from './commit.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import type { Entry, Position, RaftMessage } from './protocol.ts';
import { followLeader } from './roles.ts';

type Append = Extract<RaftMessage, { kind: 'append' }>;

export function onAppend(group: RaftGroup, out: Draft, from: NodeId, message: Append): void {
  followLeader(group, out, from);
  const { previous, entries } = message;
  const beforeDamage = group.damagedFrom === null ? Number.POSITIVE_INFINITY : group.damagedFrom - 1;
  if (previous.index > beforeDamage || !isEqualAt(group, previous)) {
    answerRefused(group, out, from, previous.index, whereToLook(group, previous, beforeDamage));
    return;
  }
  for (const entry of entries) take(group, out, entry);
  const equalUpTo = previous.index + entries.length;
  group.equalUpTo = Math.max(group.equalUpTo, equalUpTo);
  // [R §3.5] Only as far as this msg has shown the logs to be equal: what is behind may be another leader's.
  const committed = Math.min(message.committed, equalUpTo);
  if (committed > group.committedIndex) commitUpTo(group, out, committed);
  answerTaken(group, out, from);
}

/** Without being asked: what is acked has changed by a repair or by the end of a copy. */
export function tellLeader(group: RaftGroup, out: Draft): void {
  if (group.role === 'follower' && group.leader !== null) answerTaken(group, out, group.leader);
}

/** Up to where the leader's log is known to be here. What is committed is equal everywhere [R §3.6.3]. */
export function answerTaken(group: RaftGroup, out: Draft, to: NodeId): void {
  let index = Math.max(group.equalUpTo, group.committedIndex);
  if (group.damagedFrom !== null) index = Math.min(index, group.damagedFrom - 1);
  answer(group, out, to, true, group.log.positionAt(index), null);
}

export function answerRefused(group: RaftGroup, out: Draft, to: NodeId, refused: LogIndex, at: Position): void {
  answer(group, out, to, false, at, refused);
}

/** The leader of an older term is told the newer one, and nothing else of it matters. */
export function answerOldTerm(group: RaftGroup, out: Draft, to: NodeId, refused: LogIndex): void {
  answer(group, out, to, false, group.log.positionAt(group.committedIndex), refused);
}

function answer(
  group: RaftGroup,
  out: Draft,
  to: NodeId,
  isTaken: boolean,
  at: Position,
  refused: LogIndex | null,
): void {
  const { term, isInstalling } = group;
  out.send(to, { kind: 'appendAnswer', term, isTaken, at, refused, isInstalling }, true);
}

function isEqualAt(group: RaftGroup, place: Position): boolean {
  return place.index <= group.committedIndex || group.log.holds(place);
}

/** Before `previous`, where the logs may agree: no later term than the leader's there, and not below what is committed. */
function whereToLook(group: RaftGroup, previous: Position, beforeDamage: number): Position {
  const place = group.log.lastAtMost(previous.index - 1, previous.term);
  const index = Math.max(place?.index ?? 0, group.committedIndex);
  return group.log.positionAt(Math.min(index, previous.index - 1, beforeDamage));
}

function take(group: RaftGroup, out: Draft, entry: Entry): void {
  const { log } = group;
  if (entry.index <= log.base.index) return;
  if (entry.index <= log.lastIndex) {
    if (log.termAt(entry.index) === entry.term) {
      // The same entry again: the host writes its bytes anew where they are lost.
      if (group.damagedFrom !== null && entry.index >= group.damagedFrom) out.add(entry);
      return;
    }
    truncateFrom(group, out, entry.index);
  }
  log.append(entry);
  out.add(entry);
}

/** [R §3.5] An entry that conflicts goes, and all behind it. */
function truncateFrom(group: RaftGroup, out: Draft, index: LogIndex): void {
  invariant(index > group.committedIndex, 'a committed entry is never truncated [R §3.6.3]');
  invariant(index > group.equalUpTo, 'a leader never changes its own log [R §3.5]');
  group.log.truncateFrom(index);
  group.durable = Math.min(group.durable, index - 1);
  out.truncateFrom = out.truncateFrom === null ? index : logIndex(Math.min(out.truncateFrom, index));
  // What was rewritten in this step, and is truncated now.
  while (out.append.length > 0 && out.append.at(-1)!.index >= index) out.append.pop();
  if (group.damagedFrom !== null && group.damagedFrom >= index) group.damagedFrom = null;
}
