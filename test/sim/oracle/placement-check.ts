/** All is healed: copies and leaders are where the newest map wants them, on every node that lives (plan §8). */
import { groupCount } from '../../../runtime/actor/shard.ts';
import type { ShardId } from '../../../runtime/base/ids.ts';
import type { SimWorld } from '../world/sim-world.ts';

/** Null: nothing is, or nothing can be done about it. */
export function whatIsMisplaced(world: SimWorld): string | null {
  const { plan, machines } = world;
  if (plan.forming === 'mapless') return null;
  const maps = machines.flatMap(({ id, node }) => (node === null ? [] : [{ id, map: node.cluster.membership.map }]));
  const versions = new Set(maps.map(({ map }) => map?.version ?? 0));
  if (versions.size > 1) return `maps differ: ${maps.map(({ id, map }) => `${id} has ${map?.version}`).join(', ')}`;
  const [map] = maps.map((each) => each.map);
  if (map == null) return 'there is no map';
  // A disk that was replaced is in the map for ever: nobody can remove a node yet, so what it held waits for it.
  const isAnyGone = map.nodes.some(({ id }) => !machines.some((machine) => machine.id === id));
  if (isAnyGone) return null;
  for (let shard = 0; shard < groupCount(plan.shardCount); shard++) {
    const what = misplaced(world, shard as ShardId);
    if (what !== null) return `shard ${shard}: ${what}`;
  }
  return null;
}

function misplaced({ machines }: SimWorld, shard: ShardId): string | null {
  const leader = machines.find(({ node }) => node?.log.serves(shard) === true);
  if (leader === undefined) return 'nobody leads';
  const { cluster, host } = leader.node!;
  const goal = cluster.desired?.goal(shard);
  if (goal === undefined) return `${leader.id} wants nothing`;
  const { voters, learners } = host.statusOf(shard).configuration;
  const isThere = [...voters].sort().join(' ') === [...goal.voters].sort().join(' ');
  const isLearned = [...learners].sort().join(' ') === [...goal.learners].sort().join(' ');
  const now = `${voters.join(' ')} / ${learners.join(' ')}`;
  if (!isThere || !isLearned) return `has ${now} and should have ${goal.voters.join(' ')} / ${goal.learners.join(' ')}`;
  if (goal.assigned === null || goal.assigned === leader.id) return null;
  return `is led by ${leader.id} and should be by ${goal.assigned}`;
}
