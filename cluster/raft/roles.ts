/**
 * Leaving one role for another, whatever the reason.
 *
 * Promises: the term never goes back; nobody sees two leaders in one term; what only a leader holds (reads,
 * progress, a transfer) is given up with the role.
 * Leaves to others: becoming a candidate or a leader (`election.ts`).
 */
import type { NodeId, Term } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';

/** [R §3.3] Who sees a later term enters it, as a follower that has not voted in it. */
export function adoptTerm(group: RaftGroup, out: Draft, term: Term): void {
  invariant(term > group.term, 'a term never goes back');
  leaveRole(group, out);
  group.term = term;
  group.votedFor = null;
  group.ledBy = null;
  group.leader = null;
  group.equalUpTo = group.committedIndex;
}

/** Somebody leads the term at hand. */
export function followLeader(group: RaftGroup, out: Draft, leader: NodeId): void {
  if (group.role === 'follower' && group.leader === leader) return;
  invariant(group.ledBy === null || group.ledBy === leader, 'a term has at most one leader [R §3.2]');
  invariant(group.role !== 'leader', 'a leader meets no other leader in its term [R §3.2]');
  leaveRole(group, out);
  group.ledBy = leader;
  group.leader = leader;
}

/** Out of office in the same term, so that callers are refused and ask elsewhere. What is in the log stays there. */
export function stepDown(group: RaftGroup, out: Draft): void {
  leaveRole(group, out);
  group.leader = null;
}

/**
 * A campaign that cannot be won ends. A pre-candidate has changed nothing, so whom it followed still leads as far as it
 * knows; that is told again, for a false alarm must not cost a follower its leader.
 */
export function giveUpCampaign(group: RaftGroup, out: Draft): void {
  leaveRole(group, out);
  group.leader = group.ledBy === group.self ? null : group.ledBy;
}

function leaveRole(group: RaftGroup, out: Draft): void {
  if (group.role === 'leader') leaveOffice(group, out);
  group.role = 'follower';
  group.votes.clear();
  group.votesDueAtMs = null;
}

function leaveOffice(group: RaftGroup, out: Draft): void {
  const rounds = group.readRounds;
  for (const token of rounds.asked) out.loseRead(token);
  for (const token of rounds.waiting) out.loseRead(token);
  rounds.asked = [];
  rounds.waiting = [];
  rounds.dueAtMs = null;
  rounds.confirmedBy.clear();
  group.serves = false;
  group.transfer = null;
  group.followers.clear();
  group.others = [];
  group.membersOf = null;
  group.sharedAppend = null;
}
