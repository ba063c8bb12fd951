/**
 * The witness: a voter that holds positions and no mail (plan §8).
 *
 * While both full nodes live, an entry is committed when both have it; the witness must not know of it earlier. Else
 * the leader and the witness alone would commit what is on one disk only, and after that leader's death the survivor,
 * being behind the witness, could not win its vote.
 *
 * Leaves to others: that it never campaigns (`election.ts`), gets no payloads (host) and no leadership (`transfer.ts`).
 */
import type { RaftGroup } from './group.ts';
import type { Progress } from './progress.ts';

/** The last entry that may be sent to this member. */
export function sendLimit(group: RaftGroup, progress: Progress): number {
  return progress.isWitness ? witnessLimit(group) : group.log.lastIndex;
}

/**
 * The last entry that a witness may hold. A learner gets all at once, so it becomes the witness at a moment only at which
 * nothing that was sent to it lies beyond this (`configuration.ts`).
 */
export function witnessLimit(group: RaftGroup): number {
  // Nor does it hear of what is not durable here yet: if the leader lost it with its power, the witness alone would hold
  // a position that nobody can reach, and refuse its vote for ever.
  let limit = group.isVoter(group.self) ? group.durable : Math.min(group.durable, heldByOthers(group));
  for (const other of group.others) {
    if (!other.isVoter || other.isWitness) continue;
    // One that is suspect does not hold the group up: then the witness counts alone. Nor does one that needs a copy or is
    // being copied: it lacks what is committed, so it cannot win whatever the witness knows, and a copy takes minutes.
    const lacksCopy = other.isInstalling || other.state === 'snapshot';
    if (other.isAlive && !lacksCopy) limit = Math.min(limit, other.match);
  }
  return limit;
}

/**
 * A leader that leaves takes its log along. If the witness knew of entries that are nowhere else, it would refuse all who
 * are left, for ever: so first another full voter has all that the witness was sent, and from then on it is sent no more.
 */
export function isWitnessAhead(group: RaftGroup): boolean {
  const held = heldByOthers(group);
  return group.others.some(({ isWitness, next }) => isWitness && next - 1 > held);
}

/** How far the furthest full voter but this leader is. */
function heldByOthers(group: RaftGroup): number {
  let held = 0;
  for (const { isVoter, isWitness, counts } of group.others) if (isVoter && !isWitness) held = Math.max(held, counts);
  return held;
}
