import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Desired, desiredOf } from '../../../cluster/placement/desired.ts';
import { nodeId, shardId } from '../../../runtime/base/ids.ts';
import { mapOf } from './maps.ts';

const namesOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i + 1}`);
const zero = shardId(0);

// nodes, replicas of the map -> voters of a shard, voters of the metadata group, its learners
const sizes = [
  [1, 3, 1, 1, 0],
  [2, 3, 2, 2, 0],
  [3, 3, 3, 3, 0],
  [4, 3, 3, 3, 1],
  [5, 3, 3, 5, 0],
  [9, 3, 3, 5, 4],
  [3, 5, 3, 3, 0],
  [4, 5, 3, 3, 1],
  [5, 5, 5, 5, 0],
  [4, 1, 1, 3, 1],
] as const;
for (const [nodes, replicas, voters, metadataVoters, learners] of sizes) {
  void test(`${nodes} nodes, ${replicas} copies wanted: ${voters} copies, ${metadataVoters} metadata voters`, () => {
    const desired = new Desired(mapOf({ nodes: namesOf(nodes), replicas }));
    for (let shard = 0; shard < 16; shard++) assert.equal(desired.voters(shardId(shard)).length, voters);
    assert.equal(desired.metadataVoters.length, metadataVoters);
    assert.equal(desired.goal(desired.metadataShard).learners.length, learners);
    assert.equal(desired.goals.length, 17);
  });
}

void test('only members that have started hold shards; who leaves still learns the metadata, who is removed does not', () => {
  const desired = new Desired(
    mapOf({
      nodes: [
        'n1',
        { id: 'n2', state: 'leaving' },
        { id: 'n3', isStarted: false },
        { id: 'n4', state: 'removed' },
        { id: 'n5', state: 'leaving', isStarted: false },
      ],
    }),
  );
  for (const { voters } of desired.goals) assert.deepEqual(voters, ['n1']);
  assert.deepEqual(desired.goal(zero).learners, []);
  assert.deepEqual(desired.goal(desired.metadataShard).learners, ['n2']);
  assert.deepEqual(
    namesOf(6).map((id) => [desired.isKnown(nodeId(id)), desired.isGone(nodeId(id))]),
    [
      [true, false],
      [true, false],
      [true, false],
      [true, true],
      [true, false],
      [false, false],
    ],
  );
});

void test('before anybody has started there is nothing to be done', () => {
  const desired = new Desired(mapOf({ nodes: [{ id: 'n1', isStarted: false }] }));
  assert.deepEqual(desired.goal(zero), { voters: [], learners: [], assigned: null });
  assert.deepEqual(desired.metadataVoters, []);
});

void test('who should lead is one of the voters, evenly; of the metadata it is no matter', () => {
  const desired = new Desired(mapOf({ nodes: namesOf(4), shardCount: 64 }));
  const counts = new Map<string, number>();
  for (let shard = 0; shard < 64; shard++) {
    const assigned = desired.assigned(shardId(shard))!;
    assert.ok(desired.voters(shardId(shard)).includes(assigned));
    counts.set(assigned, (counts.get(assigned) ?? 0) + 1);
  }
  assert.deepEqual([...counts.values()], [16, 16, 16, 16]);
  assert.equal(desired.assigned(desired.metadataShard), null);
});

void test('candidates: first who is assigned, then by preference, last who should not hold the shard', () => {
  const desired = new Desired(mapOf({ nodes: namesOf(5) }));
  for (let number = 0; number < 16; number++) {
    const shard = shardId(number);
    const assigned = desired.assigned(shard);
    const order = desired.preference(shard).filter((node) => node !== assigned);
    const all = ['zz', ...namesOf(5).reverse(), 'yy'].map(nodeId);
    assert.deepEqual(desired.candidates(shard, all), [assigned, ...order, 'yy', 'zz']);
  }
});

void test('goals are made anew only for another version or generation of the map', () => {
  const nodes = ['n1'];
  const first = desiredOf(mapOf({ nodes }), null);
  assert.equal(desiredOf(mapOf({ nodes }), first), first);
  assert.notEqual(desiredOf(mapOf({ nodes, version: 2 }), first), first);
  assert.notEqual(desiredOf(mapOf({ nodes, generation: 2 }), first), first);
});

void test('what was made of an earlier map has no part in the goals', () => {
  const zoned = (zone: string) => ['n1', 'n2', 'n3', { id: 'n4', zone }];
  const maps = [
    mapOf({ nodes: namesOf(3) }),
    mapOf({ nodes: namesOf(4), version: 2 }),
    mapOf({ nodes: zoned('a'), version: 3 }),
    mapOf({ nodes: [...namesOf(3), { id: 'n4', state: 'leaving' }], version: 4 }),
    mapOf({ nodes: namesOf(4), replicas: 1, version: 5 }),
    mapOf({ nodes: namesOf(4), shardCount: 8, version: 6 }),
  ];
  let before: Desired | null = null;
  for (const map of maps) {
    before = desiredOf(map, before);
    assert.deepEqual(before.goals, new Desired(map).goals);
  }
});
