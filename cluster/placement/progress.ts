/**
 * How far the shards that this node leads are from where they should be: for `status`.
 *
 * Promises: each shard that is led here is counted once, so the sums over all nodes tell of the whole cluster.
 */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Goal, Goals } from './desired.ts';
import { type GroupView, keepsUp, type NodesView } from './next-move.ts';

export interface ShardProgress {
  readonly shard: ShardId;
  /** `copying`: a node that should have a copy takes one. `behind`: it is not as it should be, and no copy is on its way. */
  readonly state: 'atGoal' | 'copying' | 'behind';
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly goal: Goal;
  /** Should have a copy, have none that counts, and are dead: nothing goes on before they live or are removed. */
  readonly waitsFor: readonly NodeId[];
}

/** `shards` = `atGoal` + `copying` + `behind`. */
export interface PlacementProgress {
  readonly shards: number;
  readonly atGoal: number;
  readonly copying: number;
  readonly behind: number;
  readonly byShard: readonly ShardProgress[];
}

export function progressOf(
  groups: readonly GroupView[],
  desired: Goals,
  nodes: NodesView,
  lagEntriesMax: number,
): PlacementProgress {
  const byShard = groups
    .filter(({ role }) => role === 'leader')
    .map((group) => shardProgress(group, desired.goal(group.shard), nodes, lagEntriesMax));
  const inState = (state: ShardProgress['state']): number => byShard.filter((shard) => shard.state === state).length;
  return {
    shards: byShard.length,
    atGoal: inState('atGoal'),
    copying: inState('copying'),
    behind: inState('behind'),
    byShard,
  };
}

function shardProgress(group: GroupView, goal: Goal, nodes: NodesView, lagEntriesMax: number): ShardProgress {
  const { voters, learners } = group.configuration;
  const isAtGoal = isSame(voters, goal.voters) && isSame(learners, goal.learners);
  const isCopying = learners.some((node) => nodes.isAlive(node) && !keepsUp(group, node, lagEntriesMax));
  const members = [...voters, ...learners];
  const lacking = [
    ...goal.voters.filter((node) => !voters.includes(node)),
    ...goal.learners.filter((node) => !members.includes(node)),
  ];
  return {
    shard: group.shard,
    state: isAtGoal ? 'atGoal' : isCopying ? 'copying' : 'behind',
    voters,
    learners,
    goal,
    waitsFor: lacking.filter((node) => !nodes.isAlive(node)),
  };
}

function isSame(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node) => b.includes(node));
}
