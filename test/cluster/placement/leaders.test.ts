import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assignLeaders } from '../../../cluster/placement/leaders.ts';
import { preferenceLists } from '../../../cluster/placement/ring.ts';
import { type NodeId, nodeId } from '../../../runtime/base/ids.ts';

const ringOf = (count: number, copies: number, shards = 256): readonly (readonly NodeId[])[] => {
  const nodes = Array.from({ length: count }, (_, i) => ({ id: nodeId(`n${i + 1}`), zone: '', host: '' }));
  return preferenceLists(nodes, shards, copies);
};

const list = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });
const anyLists = fc.array(
  list.map((numbers) => numbers.map((number) => nodeId(`n${number}`))),
  { maxLength: 8 },
);

function loads(leaders: readonly NodeId[], nodes: Iterable<NodeId>): number[] {
  return [...new Set(nodes)].map((node) => leaders.filter((leader) => leader === node).length).sort((a, b) => b - a);
}

/** By trying all: what the busiest node leads at the least. */
function leastMost(lists: readonly (readonly NodeId[])[], at = 0, led = new Map<NodeId, number>()): number {
  const nodes = lists[at];
  if (nodes === undefined) return Math.max(0, ...led.values());
  let best = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    led.set(node, (led.get(node) ?? 0) + 1);
    best = Math.min(best, leastMost(lists, at + 1, led));
    led.set(node, led.get(node)! - 1);
  }
  return best;
}

for (const [nodes, copies] of [
  [1, 1],
  [2, 2],
  [3, 3],
  [4, 3],
  [5, 3],
  [7, 3],
  [24, 5],
] as const) {
  void test(`${nodes} nodes with ${copies} copies of each shard lead within one of even`, () => {
    const lists = ringOf(nodes, copies);
    const counts = loads(assignLeaders(lists), lists.flat());
    assert.ok(counts[0]! - counts.at(-1)! <= 1, counts.join(' '));
  });
}

void test('whatever the lists, a leader is of its list, and the busiest node leads as little as can be', () => {
  fc.assert(
    fc.property(anyLists, (lists) => {
      const leaders = assignLeaders(lists);
      assert.equal(leaders.length, lists.length);
      for (const [shard, leader] of leaders.entries()) assert.ok(lists[shard]!.includes(leader));
      assert.equal(Math.max(0, ...loads(leaders, lists.flat())), leastMost(lists));
    }),
    { numRuns: 300 },
  );
});

void test('the same lists give the same leaders', () => {
  assert.deepEqual(assignLeaders(ringOf(5, 3)), assignLeaders(ringOf(5, 3)));
});

void test('a small change moves few leaders: most first choices stand', () => {
  const lists = ringOf(3, 3);
  const leaders = assignLeaders(lists);
  const firsts = leaders.filter((leader, shard) => leader === lists[shard]![0]).length;
  assert.ok(firsts >= 256 * 0.8, `${firsts} of 256 shards are led by their first choice`);
});

void test('when a node goes, nearly all shards that others led keep their leader', () => {
  const before = ringOf(5, 3);
  const after = preferenceLists(
    ['n1', 'n2', 'n3', 'n4'].map((id) => ({ id: nodeId(id), zone: '', host: '' })),
    256,
    3,
  );
  const [were, are] = [assignLeaders(before), assignLeaders(after)];
  const others = were.map((leader, shard) => [leader, are[shard]] as const).filter(([leader]) => leader !== 'n5');
  const kept = others.filter(([was, is]) => was === is).length;
  assert.ok(kept / others.length > 0.8, `${kept} of ${others.length} kept their leader`);
});
