/** Which node should lead which shard, as long as there is no placement: each voter has its turn. */
import type { NodeId, ShardId } from '../../../runtime/base/ids.ts';

export function preferenceOf(shard: ShardId, candidates: readonly NodeId[]): readonly NodeId[] {
  const sorted = [...candidates].sort();
  const first = sorted.length === 0 ? 0 : shard % sorted.length;
  return [...sorted.slice(first), ...sorted.slice(0, first)];
}
