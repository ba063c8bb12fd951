/**
 * The one door into a group: an event in, what is to be done out.
 *
 * Promises: pure but for `group`, which is changed in place (copying it would cost more than the step); the same group,
 * events and times give the same effects.
 * Leaves to others: one file a rule; see README.md.
 */
import type { LogIndex, NodeId, Term } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { answerOldTerm, onAppend, tellLeader } from './append.ts';
import { onChangeConfiguration } from './configuration.ts';
import { Draft } from './effects.ts';
import { campaign, campaignAtOnce, onPreVoteAnswer, onRefusedCampaign, onVoteAnswer } from './election.ts';
import type { RaftGroup } from './group.ts';
import { onInstall, onInstalled } from './installing.ts';
import { onAlive, onLinkReset, onTime, wakeTime } from './owed.ts';
import { onPropose } from './proposals.ts';
import type { Effects, RaftEvent, RaftMessage, RoleChange } from './protocol.ts';
import { onRead, onReadAnswer, onReadProbe } from './reads.ts';
import { carryOn, onAppendAnswer } from './replication.ts';
import { adoptTerm, followLeader } from './roles.ts';
import { onSnapshotSent } from './snapshot.ts';
import { onTransfer } from './transfer.ts';
import { onPreVote, onVote } from './votes.ts';

/** @param nowMs of a clock that never goes back */
export function step(group: RaftGroup, event: RaftEvent, nowMs: number): Effects {
  const out = new Draft();
  const { term, votedFor, role, leader, serves } = group;
  group.nowMs = nowMs;
  handle(group, out, event);
  invariant(group.term > term || votedFor === null || group.votedFor === votedFor, 'one vote a term [R §3.4]');
  if (group.term !== term || group.votedFor !== votedFor) {
    out.hardState = { term: group.term, votedFor: group.votedFor };
  }
  if (group.role !== role || group.term !== term || group.leader !== leader || group.serves !== serves) {
    out.role = roleToTell(group);
  }
  group.wakeAtMs = wakeTime(group);
  return out;
}

/**
 * Liveness claims what is told here, and a claim waits for no disk. A term that was won by the own vote alone could be lost
 * with the power, and then be led by another (a node that this voter had not yet seen removed): two leaders in one term.
 */
function roleToTell(group: RaftGroup): RoleChange {
  const { role, term, leader, serves, mustWait } = group;
  return mustWait ? { role: 'candidate', term, leader: null, serves } : { role, term, leader, serves };
}

function handle(group: RaftGroup, out: Draft, event: RaftEvent): void {
  switch (event.kind) {
    case 'propose':
      onPropose(group, out, event);
      return carryOn(group, out);
    case 'changeConfiguration':
      onChangeConfiguration(group, out, event.change);
      return carryOn(group, out);
    case 'read':
      return onRead(group, out, event.token);
    case 'message':
      return onMessage(group, out, event.from, event.message, event.hearsLeader);
    case 'persisted':
      // The term tells whether it speaks of the entry that is there now.
      if (group.log.holds(event.upTo)) group.durable = Math.max(group.durable, event.upTo.index);
      return carryOn(group, out);
    case 'campaign':
      return campaign(group, out);
    case 'claimed':
      return onClaimed(group, out, event.leader, event.term);
    case 'alive':
      return onAlive(group, out, event.node, event.isAlive);
    case 'linkReset':
      return onLinkReset(group, out, event.node);
    case 'transfer':
      return onTransfer(group, out, event.to);
    case 'snapshotSent':
      onSnapshotSent(group, event.to, event.isInstalled);
      return carryOn(group, out);
    case 'installed':
      return onInstalled(group, out);
    case 'compacted':
      return onCompacted(group, event.upTo);
    case 'repaired':
      return onRepaired(group, out, event.damagedFrom);
    case 'time':
      return onTime(group, out);
  }
}

function onMessage(group: RaftGroup, out: Draft, from: NodeId, message: RaftMessage, hearsLeader: boolean): void {
  switch (message.kind) {
    // These two decide themselves whether a later term is taken over.
    case 'preVote':
      return onPreVote(group, out, from, message, hearsLeader);
    case 'vote':
      return onVote(group, out, from, message, hearsLeader);
    case 'preVoteAnswer':
    case 'voteAnswer':
      return onPollAnswer(group, out, from, message);
    case 'wake':
      return onWake(group, out, message.term, hearsLeader);
    default:
      if (message.term > group.term) adoptTerm(group, out, message.term);
      if (message.term < group.term) return onOldTerm(group, out, from, message);
      return onCurrent(group, out, from, message);
  }
}

/**
 * A hint of a candidate. Whoever hears a leader lets neither it nor its term disturb that one [R §4.2.3]: it may come from a
 * node that was removed. Its term may also be an older one; whether it helps is found out by the pre-vote.
 */
function onWake(group: RaftGroup, out: Draft, term: Term, hearsLeader: boolean): void {
  if (hearsLeader || group.role !== 'follower') return;
  if (term > group.term) adoptTerm(group, out, term);
  campaign(group, out);
}

type Current = Exclude<RaftMessage, { kind: 'preVote' | 'vote' | 'preVoteAnswer' | 'voteAnswer' | 'wake' }>;

function onCurrent(group: RaftGroup, out: Draft, from: NodeId, message: Current): void {
  switch (message.kind) {
    case 'append':
      return onAppend(group, out, from, message);
    case 'appendAnswer':
      return onAppendAnswer(group, out, from, message);
    case 'readProbe':
      return onReadProbe(group, out, from, message);
    case 'readAnswer':
      return onReadAnswer(group, out, from, message);
    case 'install':
      return onInstall(group, out, from, message);
    case 'timeoutNow':
      // From the leader of this term only; a late one of a term gone by was dropped above.
      if (group.ledBy === null || group.ledBy === from) campaignAtOnce(group, out);
  }
}

/** [R §3.3] Who asks in an older term is told the newer one; answers of an older term are of no use. */
function onOldTerm(group: RaftGroup, out: Draft, from: NodeId, message: Current): void {
  switch (message.kind) {
    case 'append':
      return answerOldTerm(group, out, from, message.previous.index);
    case 'install':
      return answerOldTerm(group, out, from, message.base.index);
    case 'readProbe':
      out.send(from, { kind: 'readAnswer', term: group.term, round: message.round }, false);
      return;
    case 'appendAnswer':
    case 'readAnswer':
    case 'timeoutNow':
  }
}

function onPollAnswer(
  group: RaftGroup,
  out: Draft,
  from: NodeId,
  answer: Extract<RaftMessage, { kind: 'preVoteAnswer' | 'voteAnswer' }>,
): void {
  const isAsking = group.role === 'preCandidate' || group.role === 'candidate';
  // A pre-vote that is granted carries the term that was asked for, in which nobody is yet [R §9.6].
  const tellsTerm = !(answer.kind === 'preVoteAnswer' && answer.isGranted);
  const isLater = tellsTerm && answer.term > group.term;
  if (isLater) adoptTerm(group, out, answer.term);
  else if (answer.kind === 'preVoteAnswer') onPreVoteAnswer(group, out, from, answer);
  else if (answer.term === group.term) onVoteAnswer(group, out, from, answer);
  if (isAsking && !answer.isGranted && group.role !== 'leader') onRefusedCampaign(group, out, from, answer, isLater);
}

function onClaimed(group: RaftGroup, out: Draft, leader: NodeId, term: Term): void {
  if (leader === group.self || term < group.term) return;
  if (term > group.term) adoptTerm(group, out, term);
  followLeader(group, out, leader);
}

function onCompacted(group: RaftGroup, upTo: LogIndex): void {
  invariant(upTo <= group.committedIndex && upTo <= group.durable, 'only what is committed and durable is compacted');
  group.log.compact(upTo);
  if (group.damagedFrom !== null && group.damagedFrom <= upTo) group.damagedFrom = null;
}

function onRepaired(group: RaftGroup, out: Draft, damagedFrom: LogIndex | null): void {
  invariant(group.damagedFrom !== null, 'only what was damaged is repaired');
  invariant(damagedFrom === null || damagedFrom >= group.damagedFrom, 'a repair goes forward');
  group.damagedFrom = damagedFrom;
  tellLeader(group, out);
}
