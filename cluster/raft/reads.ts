/**
 * Reads without a log entry and without a clock: ReadIndex [R §6.4].
 *
 *   read ──> waiting ──(a round begins: index = committed)──> asked ──(majority says: still your term)──> answered
 *
 * Promises: a read's index covers all that was committed anywhere before the read was asked for, or the read is lost
 * (`readsLost`), never answered too early. Reads that come while a round is on its way share the next one, since an
 * answer that may have left a peer before the read came proves nothing for it.
 * Leaves to others: waiting until the index is applied.
 */
import { logIndex, type NodeId } from '../../runtime/base/ids.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import type { RaftMessage } from './protocol.ts';
import { followLeader } from './roles.ts';

export function onRead(group: RaftGroup, out: Draft, token: number): void {
  if (group.role !== 'leader') {
    out.refuse('read', 'notLeader');
    return;
  }
  group.readRounds.waiting.push(token);
  carryReadsOn(group, out);
}

/** Ends the round on its way if it is confirmed, and begins the next one if reads wait. */
export function carryReadsOn(group: RaftGroup, out: Draft): void {
  const rounds = group.readRounds;
  if (rounds.asked.length > 0 && isConfirmed(group)) answerRound(group, out);
  // [R §6.4, step 1] Before an entry of its own term is committed, a leader does not know what is committed.
  if (rounds.asked.length > 0 || rounds.waiting.length === 0 || !group.serves) return;
  rounds.asked = rounds.waiting;
  rounds.waiting = [];
  rounds.index = group.committedIndex;
  rounds.round++;
  rounds.confirmedBy.clear();
  if (isConfirmed(group)) {
    answerRound(group, out);
    return;
  }
  rounds.dueAtMs = group.nowMs + group.settings.retryMs;
  for (const other of group.others) if (other.isVoter) askReader(group, out, other.node);
}

export function askReadersAgain(group: RaftGroup, out: Draft): void {
  const rounds = group.readRounds;
  rounds.dueAtMs = group.nowMs + group.settings.retryMs;
  for (const other of group.others) if (other.isVoter && other.isAlive) askReaderAgain(group, out, other.node);
}

export function askReaderAgain(group: RaftGroup, out: Draft, node: NodeId): void {
  const rounds = group.readRounds;
  if (rounds.asked.length === 0 || rounds.confirmedBy.has(node) || !group.isVoter(node)) return;
  askReader(group, out, node);
}

/** Says no more than that no later term was seen here, so it waits for no disk. */
export function onReadProbe(
  group: RaftGroup,
  out: Draft,
  from: NodeId,
  message: Extract<RaftMessage, { kind: 'readProbe' }>,
): void {
  followLeader(group, out, from);
  out.send(from, { kind: 'readAnswer', term: group.term, round: message.round }, false);
}

export function onReadAnswer(
  group: RaftGroup,
  out: Draft,
  from: NodeId,
  message: Extract<RaftMessage, { kind: 'readAnswer' }>,
): void {
  const rounds = group.readRounds;
  if (group.role !== 'leader' || message.round !== rounds.round || rounds.asked.length === 0) return;
  if (group.isVoter(from)) rounds.confirmedBy.add(from);
  carryReadsOn(group, out);
}

function isConfirmed(group: RaftGroup): boolean {
  let count = group.isVoter(group.self) ? 1 : 0;
  for (const node of group.readRounds.confirmedBy) if (group.isVoter(node)) count++;
  return count >= group.majority;
}

function answerRound(group: RaftGroup, out: Draft): void {
  const rounds = group.readRounds;
  for (const token of rounds.asked) out.answerRead(token, logIndex(rounds.index));
  rounds.asked = [];
  rounds.dueAtMs = null;
}

function askReader(group: RaftGroup, out: Draft, node: NodeId): void {
  out.send(node, { kind: 'readProbe', term: group.term, round: group.readRounds.round }, group.mustWait);
}
