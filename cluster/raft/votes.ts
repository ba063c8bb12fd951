/**
 * The voter's side of an election: to whom this member would give or gives its vote.
 *
 * Promises: one vote a term [R §3.4]; none for a log that ends earlier than the own [R §3.6.1]; whoever hears a living
 * leader refuses and does not even take the term over [R §4.2.3], unless that leader itself asked [R §3.10].
 *
 * A damaged member votes by the true end of its log: it has acked up to there, and lost payloads, not positions.
 *
 * A member that is installing votes by its base. All that it acked while it was whole lies at or before it
 * (`installing.ts`), so whatever was committed with its ack does too. What it has behind the base it acked with
 * `isInstalling`, which no leader counts. To protect that as well would be safe, but the only whole member left could be
 * behind it and never win, and the group would stand still although a majority lives.
 */
import { type NodeId, term } from '../../runtime/base/ids.ts';
import type { Draft } from './effects.ts';
import { campaign } from './election.ts';
import type { RaftGroup } from './group.ts';
import { isNewer } from './log-heads.ts';
import type { Position, RaftMessage } from './protocol.ts';
import { adoptTerm, stepDown } from './roles.ts';

type PreVote = Extract<RaftMessage, { kind: 'preVote' }>;
type Vote = Extract<RaftMessage, { kind: 'vote' }>;

/** [R §9.6] A voter changes nothing, whatever it answers. A refusal carries the own term, so that the asker learns it. */
export function onPreVote(group: RaftGroup, out: Draft, from: NodeId, question: PreVote, hearsLeader: boolean): void {
  const isGranted =
    !hearsAnother(group, from, hearsLeader) &&
    (question.term > group.term || (question.term === group.term && hasVoteFor(group, from))) &&
    !isNewer(pledged(group), question.last);
  freeStuckVoter(group, out, from, question);
  const inTerm = isGranted ? question.term : group.term;
  out.send(from, { kind: 'preVoteAnswer', term: inTerm, isGranted, last: pledged(group) }, false);
}

export function onVote(group: RaftGroup, out: Draft, from: NodeId, question: Vote, hearsLeader: boolean): void {
  const isDisruptive = hearsAnother(group, from, hearsLeader) && !question.isTransfer;
  if (question.term < group.term || isDisruptive) {
    answer(group, out, from, false);
    return;
  }
  if (question.term > group.term) adoptTerm(group, out, question.term);
  const isGranted = hasVoteFor(group, from) && !isNewer(pledged(group), question.last);
  if (isGranted) {
    group.votedFor = from;
    // Who has just given its vote away does not compete.
    if (group.role === 'preCandidate') stepDown(group, out);
  }
  answer(group, out, from, isGranted);
}

/**
 * Who asks for more than the next term is in a later one than this leader. It voted in an election that came to nothing:
 * it takes no append of this term, all who hear the leader refuse it, and in a quiet group nothing else would ever tell
 * the leader. So the leader gives way to that term and asks for the one after it, by a pre-vote as anybody does.
 *
 * This cannot be abused. A node that was removed is no voter and is not listened to. A term is made only by a real
 * candidacy, which takes a majority that heard no leader (or the leader's own transfer), and after this the leader is
 * past it: each such candidacy costs at most one election, and a flapping voter makes none by asking. A leader that is
 * deposed and does not know it disturbs nobody, since whoever hears the newer one refuses its pre-vote.
 */
function freeStuckVoter(group: RaftGroup, out: Draft, from: NodeId, question: PreVote): void {
  if (group.role !== 'leader' || question.term <= group.term + 1 || !group.isVoter(from)) return;
  adoptTerm(group, out, term(question.term - 1));
  campaign(group, out);
}

/** A leader hears one: itself. Who led this term leads no more if it asks for votes itself. */
function hearsAnother(group: RaftGroup, from: NodeId, hearsLeader: boolean): boolean {
  return group.role === 'leader' || (hearsLeader && group.ledBy !== from);
}

/** Who ends earlier may lack what was committed with this member's ack. */
function pledged(group: RaftGroup): Position {
  return group.isInstalling ? group.log.base : group.log.last;
}

function hasVoteFor(group: RaftGroup, candidate: NodeId): boolean {
  return (group.votedFor === null || group.votedFor === candidate) && group.ledBy === null;
}

/** [R §3.8] A vote that is given is durable before it is told; so is the log that it was compared with. */
function answer(group: RaftGroup, out: Draft, to: NodeId, isGranted: boolean): void {
  out.send(to, { kind: 'voteAnswer', term: group.term, isGranted, last: pledged(group) }, true);
}
