/** Replicas that have applied the same entries have the same rows (plan §15). */
import { groupCount } from '../../../runtime/actor/shard.ts';
import type { ShardId } from '../../../runtime/base/ids.ts';
import { after, below, keyParts, keyspace, type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import type { SimWorld } from '../world/sim-world.ts';

/** Spaces whose rows come from entries alone. */
const spaces = [
  keyspace.state,
  keyspace.timer,
  keyspace.timerName,
  keyspace.outbox,
  keyspace.outboxHead,
  keyspace.inbox,
  keyspace.dedup,
  keyspace.event,
  keyspace.deadLetter,
];
const pageRows = 1_000;

/** A shard that is not served by one node, or whose replicas have not applied as much; null when all is well. */
export function whatIsUnsettled(world: SimWorld): string | null {
  for (let shard = 0; shard < groupCount(world.plan.shardCount); shard++) {
    const serving = world.machines.filter(({ node }) => node?.log.serves(shard as ShardId) === true);
    if (serving.length !== 1) {
      const roles = world.machines.map(({ id, node }) => {
        const status = node?.host.statusOf(shard as ShardId);
        return `${id} ${status?.role} ${status?.term} (${status?.leader}) ${status?.applied}/${status?.last}`;
      });
      return `shard ${shard} is served by ${serving.length} nodes: ${roles.join(', ')}`;
    }
    const replicas = replicasOf(world, shard as ShardId);
    if (new Set(replicas.map(({ applied }) => applied)).size > 1) {
      const followers = serving[0]!.node?.host.statusOf(shard as ShardId).followers;
      const where = replicas.map(({ id, applied }) => `${applied} at ${id}`).join(', ');
      return `shard ${shard} is applied to ${where}; its leader ${serving[0]!.id} knows ${JSON.stringify(followers)}`;
    }
  }
  return null;
}

export function checkReplicas(world: SimWorld): void {
  for (let shard = 0; shard < groupCount(world.plan.shardCount); shard++) {
    const [first, ...others] = replicasOf(world, shard as ShardId);
    if (first === undefined) continue;
    for (const other of others) {
      const what = difference(first.store, other.store, shard as ShardId);
      if (what !== null)
        world.oracle.fail(`shard ${shard}: ${first.id} and ${other.id} have applied the same and differ in ${what}`);
    }
  }
}

/** As the leader has it: one that was removed may not know. */
function replicasOf(world: SimWorld, shard: ShardId) {
  const leader = world.machines.find(({ node }) => node?.log.serves(shard) === true);
  const configuration = leader?.node?.host.statusOf(shard).configuration;
  if (configuration === undefined) return [];
  const { voters, learners, witness } = configuration;
  return world.machines.flatMap(({ id, node }) => {
    const status = node?.host.statusOf(shard);
    if (node === null || status === undefined) return [];
    if (id === witness || !(voters.includes(id) || learners.includes(id))) return [];
    return [{ id, store: node.store, applied: status.applied }];
  });
}

function difference(a: ReadableStore, b: ReadableStore, shard: ShardId): string | null {
  for (const space of spaces) {
    const { start, end } = below(rowKey([space, shard]));
    for (let from = start; ; ) {
      const ours = a.range({ start: from, end, limit: pageRows });
      const theirs = b.range({ start: from, end, limit: pageRows });
      for (const [i, row] of ours.entries()) {
        const other = theirs[i];
        if (other?.key !== row.key || !Buffer.from(other.value).equals(row.value))
          return `row ${keyParts(row.key).join(' ')} (${other === undefined ? 'missing' : keyParts(other.key).join(' ')})`;
      }
      if (ours.length !== theirs.length) return `space '${space}'`;
      const last: RowKey | undefined = ours.at(-1)?.key;
      if (last === undefined || ours.length < pageRows) break;
      from = after(last);
    }
  }
  return null;
}
