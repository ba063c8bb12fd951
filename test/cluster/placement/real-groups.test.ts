/** The mover over real hosts of groups: what Raft takes, refuses and makes of it, copies and all. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desired } from '../../../cluster/placement/desired.ts';
import { Mover } from '../../../cluster/placement/mover.ts';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { decodeRow, encodeRow } from '../../../runtime/codec/row.ts';
import { keyspace, rowKey, type RowKey } from '../../../runtime/store/keys.ts';
import { GroupsWorld } from '../../support/groups-world.ts';
import { mapOf, type MapWords } from './maps.ts';

const names = ['n1', 'n2', 'n3', 'n4'];
const shardCount = 8;
const stateOf = (shard: number, key: string): RowKey => rowKey([keyspace.state, shardId(shard), 'kept', key]);

function moved() {
  const configuration = { voters: [nodeId('n1')], learners: [], witness: null };
  // Few batches are kept, so some copies are whole states.
  const world = new GroupsWorld({ nodes: names, shardCount: shardCount + 1, configuration, batchesKept: 2 });
  let desired: Desired | null = null;
  const refusals: string[] = [];
  const movers = names.map((name) => {
    const node = world.node(name);
    return new Mover({
      ...{ self: node.id, clock: world.clock, random: { bytes: (count) => new Uint8Array(count).fill(127) } },
      host: {
        status: () => node.host.status(),
        changeConfiguration: (shard, change, done) => node.host.changeConfiguration(shard, change, done),
        transfer: (shard, to, done) => node.host.transfer(shard, to, done),
      },
      desired: () => desired,
      peers: () =>
        [...world.nodes.values()]
          .filter((other) => other !== node && other.isUp && !node.suspects.has(other.id))
          .map(({ id }) => ({ node: id, status: 'alive', incarnation: 1, isFit: true })),
      mayLead: () => true,
      acted: (act, refused) => refused !== null && refusals.push(`${act.kind} ${refused}`),
    });
  });
  return {
    world,
    refusals,
    start: () => movers.forEach((mover) => mover.start()),
    map: (words: Omit<MapWords, 'shardCount'>) => {
      desired = new Desired(mapOf({ ...words, shardCount }));
      for (const mover of movers) mover.wake();
    },
    /** In steps of 25 ms, until all is as it should be. @returns how long it took */
    async until(claim: string): Promise<number> {
      const fromMs = world.clock.monotonicMs();
      for (let i = 0; i < 2_000; i++) {
        if (differences(world, desired!).length === 0) return world.clock.monotonicMs() - fromMs;
        await world.pass(25, 25);
        // As the node does when a role changes.
        if (i % 10 === 0) for (const mover of movers) mover.wake();
      }
      return assert.fail(`${claim}: ${differences(world, desired!).join('; ')}`);
    },
    sums: () => movers.reduce((sum, mover) => sum + mover.progress()!.atGoal, 0),
  };
}

function differences(world: GroupsWorld, desired: Desired): string[] {
  const found: string[] = [];
  const leaders = new Set<number>();
  for (const { host, id } of world.nodes.values()) {
    for (const { shard, isServed, configuration, isChanging } of host.status()) {
      if (!isServed) continue;
      leaders.add(shard);
      const { voters, learners, assigned } = desired.goal(shard);
      const is = `${sorted(configuration.voters)} | ${sorted(configuration.learners)} led by ${id}`;
      const should = `${sorted(voters)} | ${sorted(learners)} led by ${assigned ?? id}`;
      if (is !== should || isChanging) found.push(`${shard} is ${is}, should be ${should}`);
    }
  }
  for (let shard = 0; shard <= shardCount; shard++) if (!leaders.has(shard)) found.push(`${shard} has no leader`);
  return found;
}

const sorted = (nodes: readonly string[]): string => [...nodes].sort().join(' ');

void test('one node becomes three, then four, then its first one leaves: all shards follow, with what they hold', async () => {
  const scene = moved();
  const { world } = scene;
  await world.settle();
  for (let shard = 0; shard <= shardCount; shard++) {
    for (const key of ['a', 'b', 'c', 'd']) {
      world.append('n1', shard, { rows: [{ key: stateOf(shard, key), value: encodeRow(1, shard) }] });
      await world.settle();
    }
  }
  scene.start();
  scene.map({ nodes: ['n1', 'n2', 'n3'] });
  const grownMs = await scene.until('three nodes');
  assert.ok(grownMs < 10_000, `it took ${grownMs} ms`);
  assert.equal(scene.sums(), shardCount + 1);
  scene.map({ nodes: names, version: 2 });
  await scene.until('four nodes');
  scene.map({ nodes: [{ id: 'n1', state: 'leaving' }, 'n2', 'n3', 'n4'], version: 3 });
  await scene.until('the first node leaves');
  world.requireSound();
  assert.equal(world.host('n1').claims().length, 0);
  for (const name of ['n2', 'n3', 'n4']) {
    for (let shard = 0; shard <= shardCount; shard++) {
      assert.ok(world.host(name).holds(shardId(shard)));
      for (const key of ['a', 'd'])
        assert.equal(decodeRow(world.node(name).store.get(stateOf(shard, key))!).value, shard);
    }
  }
  assert.deepEqual(
    scene.refusals.filter((refusal) => refusal !== 'change notCaughtUp'),
    [],
  );
});

void test('a node that is dead while shards should come to it holds up no others, and gets them when it is back', async () => {
  const scene = moved();
  const { world } = scene;
  await world.settle();
  world.crash('n3');
  world.suspect('n3');
  scene.start();
  scene.map({ nodes: ['n1', 'n2', 'n3'] });
  await world.pass(5_000, 25);
  const voters = world
    .host('n1')
    .status()
    .map(({ configuration }) => sorted(configuration.voters));
  assert.deepEqual(new Set(voters), new Set(['n1 n2']));
  world.start('n3');
  world.lives('n3');
  await scene.until('the third is back');
  world.requireSound();
});
