/**
 * Walks by chance: nodes come, leave, die, come back, are declared gone, and cannot lead for a while, while movers work. Each
 * step is checked by `fake-cluster.ts`; in the end all is healed, and everything must get to where the map wants it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nodeId } from '../../../runtime/base/ids.ts';
import { chanceOf } from '../raft/random-chance.ts';
import { FakeCluster } from './fake-cluster.ts';

/** A transfer may have come to nothing a few times (10 s each), and a learner have waited for a second one (30 s). */
const settledWithinTicks = 1_500;

const names = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'];
const node = fc.constantFrom(...names);
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('admit' as const), node }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('kill' as const), node }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('start' as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('declareGone' as const), node }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('turnFit' as const), node }) },
);
const walk = fc.array(fc.tuple(event, fc.integer({ min: 0, max: 40 })), { maxLength: 25 });

function walked(seed: number, replicas: number, events: Parameters<typeof happen>[1][]): FakeCluster {
  const cluster = new FakeCluster(6, replicas, chanceOf(seed));
  for (const event of events) happen(cluster, event);
  cluster.heal();
  for (let i = 0; i < settledWithinTicks; i++) {
    if (i % 10 === 0 && cluster.unsettled().length === 0) break;
    cluster.tick();
  }
  return cluster;
}

type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

function happen(cluster: FakeCluster, [{ kind, node }, ticks]: readonly [Event, number]): void {
  const id = nodeId(node);
  if (kind === 'admit') cluster.admit(node);
  else if (cluster.nodes.has(id)) cluster[kind](id);
  for (let i = 0; i < ticks; i++) cluster.tick();
}

void test('whatever happens, shards end where the map wants them, and never had fewer voters than before or than wanted', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(1, 3, 5), walk, (seed, replicas, events) => {
      const cluster = walked(seed, replicas, events);
      assert.deepEqual(cluster.unsettled(), []);
    }),
    { numRuns: Number(process.env['PLACEMENT_RUNS'] ?? 200) },
  );
});

void test('the same seed and events give the same course', () => {
  const events = names.map((node, i) => [{ kind: i === 3 ? 'kill' : 'admit', node }, 17] as [Event, number]);
  const [a, b] = [walked(7, 3, events), walked(7, 3, events)];
  assert.deepEqual(a.groups, b.groups);
  assert.equal(a.nowMs, b.nowMs);
});
