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
  if (!progress.isWitness) return group.log.lastIndex;
  // Nor does it hear of what is not durable here yet: if the leader lost it with its power, the witness alone would hold
  // a position that nobody can reach, and refuse its vote for ever.
  let limit = group.durable;
  for (const other of group.others) {
    if (!other.isVoter || other.isWitness) continue;
    // One that is suspect does not hold the group up: then the witness counts alone. Nor does one that needs a copy or is
    // being copied: it lacks what is committed, so it cannot win whatever the witness knows, and a copy takes minutes.
    const lacksCopy = other.isInstalling || other.state === 'snapshot';
    if (other.isAlive && !lacksCopy) limit = Math.min(limit, other.match);
  }
  return limit;
}
