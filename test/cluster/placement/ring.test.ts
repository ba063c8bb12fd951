import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { preferenceLists, type RingNode } from '../../../cluster/placement/ring.ts';
import { type NodeId, nodeId } from '../../../runtime/base/ids.ts';

const plain = (...ids: string[]): RingNode[] => ids.map((id) => ({ id: nodeId(id), zone: '', host: '' }));

const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,5}$/), { minLength: 1, maxLength: 12 });
const labelled = names.chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({ id: fc.constant(nodeId(id)), zone: fc.constantFrom('a', 'b', 'c'), host: fc.constantFrom('x', 'y') }),
    ),
  ),
);

/** Copies of `after` that are on a node that had none of that shard before, as a share of all. */
function movedShare(before: readonly (readonly NodeId[])[], after: readonly (readonly NodeId[])[]): number {
  const copies = after.flatMap((list, shard) => list.map((node) => before[shard]!.includes(node)));
  return copies.filter((isOld) => !isOld).length / copies.length;
}

void test('the ring is what it always was: a change of it would move the mail of every cluster', () => {
  const lists = preferenceLists(plain('n1', 'n2', 'n3', 'n4', 'n5'), 8, 3);
  assert.deepEqual(
    lists.map((list) => list.join(' ')),
    ['n4 n1 n3', 'n5 n1 n4', 'n1 n5 n2', 'n1 n5 n4', 'n3 n5 n1', 'n4 n5 n2', 'n4 n2 n1', 'n5 n2 n3'],
  );
});

void test('each list has different nodes, as many as asked for or as there are, in an order that the input has no part in', () => {
  fc.assert(
    fc.property(labelled, fc.nat({ max: 7 }), (nodes, count) => {
      const lists = preferenceLists(nodes, 20, count);
      assert.equal(lists.length, 20);
      for (const list of lists) {
        assert.equal(list.length, Math.min(count, nodes.length));
        assert.equal(new Set(list).size, list.length);
      }
      assert.deepEqual(preferenceLists([...nodes].reverse(), 20, count), lists);
    }),
  );
});

void test('without nodes the lists are empty', () => {
  assert.deepEqual(preferenceLists([], 2, 3), [[], []]);
});

void test('a longer list begins with the shorter one', () => {
  fc.assert(
    fc.property(labelled, fc.nat({ max: 5 }), (nodes, count) => {
      const long = preferenceLists(nodes, 10, nodes.length);
      assert.deepEqual(
        preferenceLists(nodes, 10, count),
        long.map((list) => list.slice(0, count)),
      );
    }),
  );
});

void test('copies are spread over zones as evenly as there are any, and within a zone over hosts', () => {
  fc.assert(
    fc.property(labelled, fc.integer({ min: 1, max: 5 }), (nodes, count) => {
      const of = new Map(nodes.map((node) => [node.id, node]));
      for (const list of preferenceLists(nodes, 20, count)) {
        const taken = list.map((id) => of.get(id)!);
        const left = nodes.filter(({ id }) => !list.includes(id));
        const uses = (label: 'zone' | 'host', value: string): number =>
          taken.filter((node) => node[label] === value).length;
        for (const node of taken) {
          for (const other of left) {
            // Nobody that was passed over would have shared less.
            assert.ok(uses('zone', node.zone) <= uses('zone', other.zone) + 1);
          }
        }
        const zones = new Set(nodes.map(({ zone }) => zone));
        assert.equal(new Set(taken.map(({ zone }) => zone)).size, Math.min(zones.size, list.length));
      }
    }),
  );
});

void test('in one zone, two copies are not on one host while another host is left', () => {
  const host = (id: string, host: string): RingNode => ({ id: nodeId(id), zone: 'z', host });
  const nodes = [host('n1', 'a'), host('n2', 'a'), host('n3', 'a'), host('n4', 'b'), host('n5', 'c')];
  for (const list of preferenceLists(nodes, 50, 3)) {
    assert.equal(new Set(list.map((id) => nodes.find((node) => node.id === id)!.host)).size, 3);
  }
});

void test('a node more or less moves its own share of the copies, and at most five points beyond', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4, max: 12 }), fc.stringMatching(/^[a-z][a-z-]{0,3}$/), (count, name) => {
      const nodes = plain(...Array.from({ length: count }, (_, i) => `${name}${i}`));
      const whole = preferenceLists(nodes, 256, 3);
      const without = preferenceLists(nodes.slice(1), 256, 3);
      assert.ok(movedShare(without, whole) <= 1 / count + 0.05);
      assert.ok(movedShare(whole, without) <= 1 / count + 0.05);
    }),
    { seed: 5, numRuns: 40 },
  );
});

void test('copies are within a quarter of even', () => {
  const nodes = plain('n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7');
  const copies = preferenceLists(nodes, 256, 3).flat();
  for (const { id } of nodes) {
    const share = copies.filter((node) => node === id).length / (copies.length / nodes.length);
    assert.ok(share > 0.75 && share < 1.25, `${id} has ${share} of its share`);
  }
});

void test('a node whose name looks like the key of a shard is preferred no more than others', () => {
  const lists = preferenceLists(plain('shard', 'shard-1', 'n1', 'n2'), 256, 1);
  for (const id of ['shard', 'shard-1']) {
    const count = lists.filter(([first]) => first === id).length;
    assert.ok(count > 30 && count < 100, `${id} comes first ${count} times`);
  }
});
