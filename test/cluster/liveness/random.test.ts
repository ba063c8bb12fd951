/**
 * Seeded chance: faults of all kinds over the real liveness and Raft cores, then everything is healed.
 *
 * What must hold: nobody campaigns while nothing is wrong and a leader lives; after healing each group has one leader in
 * bounded time, nobody is suspected for ever, and then nobody campaigns any more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../../runtime/base/ids.ts';
import { LivenessWorld } from './liveness-world.ts';

const seeds = Number(process.env['LIVENESS_SEEDS'] ?? 60);
const firstSeed = Number(process.env['LIVENESS_FROM'] ?? 1);
/** A candidate may be in the longest of its waits when the network heals, and a peer may have flapped often. */
const settledWithinMs = 12_000;

type Fault = (world: LivenessWorld, node: NodeId, other: NodeId) => void;

const faults: readonly Fault[] = [
  (world, node) => world.lives.size > 1 && world.kill(node),
  (world, node) => world.pause(node, world.dice.spread(100, 5_000)),
  (world, node, other) => world.cut(node, other),
  (world, node, other) => world.cutBoth(node, other),
  (world, node) => world.ids.forEach((other) => other !== node && world.cutBoth(node, other)),
  (world, node, other) => world.flap(node, other),
  (world, node) => {
    const off = world.dice.whole(-20_000, 20_000);
    world.wallOffMs.set(node, off);
  },
  (world, node) => world.commitMs.set(node, world.dice.whole(0, 3_000)),
  (world) => {
    const slow = world.dice.spread(1, 300);
    world.delayMs = () => world.dice.between(0.1, slow);
  },
  (world, node) => (world.lossOf = (from) => (from === node ? 0.3 : 0)),
  (world) => (world.fsyncMs = () => world.dice.spread(1, 400)),
  (world) => world.propose(world.dice.pick(world.groups)),
  (world) => world.heal(),
];

function healed(world: LivenessWorld): void {
  world.delayMs = () => world.dice.between(0.1, 5);
  world.fsyncMs = () => world.dice.between(1, 10);
  world.lossOf = () => 0;
  world.wallOffMs.clear();
  world.commitMs.clear();
  world.heal();
  for (const node of world.ids) if (!world.lives.has(node)) world.start(node);
  for (const node of world.ids) for (const other of world.ids) if (node < other) world.flap(node, other);
}

for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
  void test(`seed ${seed}: after all faults are healed, each group has one leader and it stays`, () => {
    const witness = seed % 4 === 0 && { witness: 'n3' };
    const world = new LivenessWorld({ seed, nodes: 3 + (seed % 3), replicas: 3, groups: 6, ...witness });
    world.start();
    const count = world.dice.whole(1, 15);
    for (let i = 0; i < count; i++) {
      const [node, other] = world.dice.some(world.ids, 2) as [NodeId, NodeId];
      if (world.lives.has(node)) world.dice.pick(faults)(world, node, other);
      else world.start(node);
      world.run(world.dice.spread(20, 3_000));
    }
    healed(world);
    // A paused one wakes first.
    world.run(5_000);
    world.runUntil(() => world.isSettled(), settledWithinMs, `seed ${seed}`);
    const fromMs = world.nowMs;
    world.run(5_000);
    const told = world.told.filter(({ atMs, kind }) => atMs >= fromMs && (kind === 'campaign' || kind === 'suspect'));
    assert.deepEqual(told, []);
    assert.deepEqual(world.unsettled(), []);
  });
}
