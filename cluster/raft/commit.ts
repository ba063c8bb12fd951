/**
 * When entries are committed.
 *
 * Promises: the commit index never goes back and never passes the log's end; a leader counts entries of its own term
 * only.
 */
import { logIndex } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';

/**
 * [R §3.6.2] An entry of the leader's own term is committed once a majority holds it durably, and with it all before.
 * Older entries are never counted by themselves (Figure 8 of the paper): another leader could still replace them.
 */
export function countCommit(group: RaftGroup, out: Draft): void {
  const index = majorityIndex(group);
  if (index <= group.committedIndex || index < group.firstOwnIndex) return;
  invariant(group.log.termAt(index) === group.term, 'a leader counts entries of its own term only [R §3.6.2]');
  commitUpTo(group, out, index);
  group.serves = true;
}

export function commitUpTo(group: RaftGroup, out: Draft, index: number): void {
  invariant(index > group.committedIndex, 'the commit index never goes back');
  invariant(index <= group.log.lastIndex, 'what is committed is in the log');
  group.committedIndex = index;
  out.committed = logIndex(index);
}

/** The last index that a majority of the voters holds. Five voters at most: counting is cheaper than sorting. */
function majorityIndex(group: RaftGroup): number {
  // [R §10.2.1] The leader counts itself only for what is durable here, though it has sent it to others before.
  // [R §4.2.2] A leader that is no voter any more does not count itself at all.
  const own = group.isVoter(group.self) ? group.durable : 0;
  const { majority } = group;
  if (majority === 1 && own > 0) return own;
  let best = holders(group, own, own) >= majority ? own : 0;
  for (const { isVoter, counts } of group.others) {
    if (isVoter && counts > best && holders(group, own, counts) >= majority) best = counts;
  }
  return best;
}

function holders(group: RaftGroup, own: number, index: number): number {
  let count = own >= index && own > 0 ? 1 : 0;
  for (const other of group.others) if (other.isVoter && other.counts >= index) count++;
  return count;
}
