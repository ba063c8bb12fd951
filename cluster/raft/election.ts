/**
 * Becoming a leader [R §3.4], with a question beforehand that disturbs nobody [R §9.6].
 *
 *   follower ──campaign──> preCandidate ──majority would──> candidate (term + 1) ──majority does──> leader (no-op)
 *                               │ majority would not               │ majority does not
 *                               └──────────> follower <────────────┘
 *
 * Promises: one vote a term, durable before it is told; no vote for a log that ends earlier than the own one [R §3.6.1];
 * a member that cannot serve (learner, witness, installing, damaged) never campaigns.
 * Leaves to others: when to campaign (host, by liveness and rank), answers to the questions (`votes.ts`).
 */
import { type NodeId, term } from '../../runtime/base/ids.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import { isNewer } from './log-heads.ts';
import { followConfiguration, hasLivingMajority } from './members.ts';
import { appendOwn } from './proposals.ts';
import type { RaftMessage } from './protocol.ts';
import { carryOn } from './replication.ts';
import { giveUpCampaign, stepDown } from './roles.ts';

type PreVoteAnswer = Extract<RaftMessage, { kind: 'preVoteAnswer' }>;
type VoteAnswer = Extract<RaftMessage, { kind: 'voteAnswer' }>;

export function campaign(group: RaftGroup, out: Draft): void {
  if (group.role === 'leader' || !mayLead(group)) return;
  group.role = 'preCandidate';
  group.leader = null;
  openPoll(group, out);
}

/** [R §3.10] The leader asked for it and knows the log to be whole: no pre-vote. */
export function campaignAtOnce(group: RaftGroup, out: Draft): void {
  if (group.role === 'leader' || !mayLead(group)) return;
  becomeCandidate(group, out, true);
}

export function onPreVoteAnswer(group: RaftGroup, out: Draft, from: NodeId, answer: PreVoteAnswer): void {
  if (group.role !== 'preCandidate') return;
  if (answer.isGranted && answer.term !== group.term + 1) return;
  recordVote(group, out, from, answer.isGranted);
}

export function onVoteAnswer(group: RaftGroup, out: Draft, from: NodeId, answer: VoteAnswer): void {
  if (group.role !== 'candidate') return;
  recordVote(group, out, from, answer.isGranted);
}

/**
 * Refused by a longer log, which can win where this one cannot: it is told so, instead of waiting for its turn by rank.
 * Refused by a later term alone, which is adopted by now: asked again in that term at once.
 */
export function onRefusedCampaign(
  group: RaftGroup,
  out: Draft,
  from: NodeId,
  answer: PreVoteAnswer | VoteAnswer,
  isLater: boolean,
): void {
  if (isNewer(answer.last, group.log.last)) {
    const canLead = group.isVoter(from) && group.configuration.witness !== from;
    if (canLead) out.send(from, { kind: 'wake', term: group.term }, false);
    return;
  }
  if (answer.kind === 'preVoteAnswer' && isLater) campaign(group, out);
}

/** Those that have not answered and live; null in `votesDueAtMs` when there are none. */
export function askVotersAgain(group: RaftGroup, out: Draft): void {
  group.votesDueAtMs = null;
  for (const voter of group.configuration.voters) if (!group.suspects.has(voter)) askVoterAgain(group, out, voter);
}

export function askVoterAgain(group: RaftGroup, out: Draft, node: NodeId): void {
  if (group.role !== 'preCandidate' && group.role !== 'candidate') return;
  if (node === group.self || group.votes.has(node) || !group.isVoter(node)) return;
  group.votesDueAtMs = group.nowMs + group.settings.retryMs;
  askVoter(group, out, node);
}

/**
 * [R §4.2.2] One whose own removal is in its log but maybe not committed still campaigns: it may be the only one that
 * has the change, and without it nobody could win.
 */
function mayLead(group: RaftGroup): boolean {
  const { configuration, self, log } = group;
  if (configuration.witness === self || group.isInstalling || group.damagedFrom !== null) return false;
  if (configuration.voters.includes(self)) return true;
  return group.isChanging && log.configurationAt(log.configurationIndex - 1).voters.includes(self);
}

function openPoll(group: RaftGroup, out: Draft): void {
  group.votes.clear();
  group.votesDueAtMs = group.nowMs + group.settings.retryMs;
  for (const voter of group.configuration.voters) if (voter !== group.self) askVoter(group, out, voter);
  recordVote(group, out, group.self, true);
}

function askVoter(group: RaftGroup, out: Draft, voter: NodeId): void {
  const { last } = group.log;
  // A pre-vote promises nothing. A vote rests on the own vote and on all that the log is said to hold.
  if (group.role === 'preCandidate') out.send(voter, { kind: 'preVote', term: term(group.term + 1), last }, false);
  else out.send(voter, { kind: 'vote', term: group.term, last, isTransfer: group.isTransferVote }, true);
}

/** A majority counts by the newest configuration, in which a candidate that is being removed has no vote. */
function recordVote(group: RaftGroup, out: Draft, from: NodeId, isGranted: boolean): void {
  if (group.isVoter(from)) group.votes.set(from, isGranted);
  let granted = 0;
  for (const vote of group.votes.values()) if (vote) granted++;
  if (granted >= group.majority) {
    if (group.role === 'candidate') becomeLeader(group, out);
    // It would step down as soon as it has won, each time a term later and with one more no-op in its log.
    else if (!hasLivingMajority(group, group.configuration.voters)) giveUpCampaign(group, out);
    else becomeCandidate(group, out, false);
    return;
  }
  const refused = group.votes.size - granted;
  if (group.configuration.voters.length - refused < group.majority) giveUpCampaign(group, out);
}

function becomeCandidate(group: RaftGroup, out: Draft, isTransfer: boolean): void {
  group.role = 'candidate';
  group.leader = null;
  group.ledBy = null;
  group.term = term(group.term + 1);
  group.votedFor = group.self;
  group.equalUpTo = group.committedIndex;
  group.isTransferVote = isTransfer;
  openPoll(group, out);
}

function becomeLeader(group: RaftGroup, out: Draft): void {
  group.role = 'leader';
  group.leader = group.self;
  group.ledBy = group.self;
  group.votesDueAtMs = null;
  group.votes.clear();
  group.serves = false;
  followConfiguration(group);
  group.firstOwnIndex = group.log.lastIndex + 1;
  group.wonAlone = group.majority === 1 && group.isVoter(group.self);
  // [R §6.4] Committing something of its own term tells a leader what is committed.
  appendOwn(group, out, 'noop', 0, null, null);
  // Voters may have answered while liveness still takes them for dead; if it is right, nothing could be committed.
  if (hasLivingMajority(group, group.configuration.voters)) carryOn(group, out);
  else stepDown(group, out);
}
