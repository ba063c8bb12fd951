import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeJoiner, judgeStart } from '../../../cluster/metadata/cluster-rules.ts';
import type { NodeRecord } from '../../../cluster/metadata/protocol.ts';
import { foundedBench, givenToken, hashOf, mark, newNode, startOf } from './cluster-bench.ts';

const marksTo = (newest: number, nonces = 'nonce') =>
  Array.from({ length: newest }, (_, i) => mark(newest - i, `${nonces} ${newest - i}`));

void test('a start is remembered with its mark; said again it changes nothing', () => {
  const bench = foundedBench();
  const map = bench.ask(startOf('n1', 1, marksTo(1)));
  assert.equal(map.version, 2);
  const { incarnation, mark: newest, atMs } = map.nodes[0]?.started ?? {};
  assert.deepEqual({ incarnation, newest, atMs }, { incarnation: 1, newest: mark(1), atMs: bench.nowMs });
  bench.nowMs += 1_000;
  assert.deepEqual(bench.ask(startOf('n1', 1, marksTo(1))), map);
});

void test('a mark between two starts, a new address and a new version are changes of the map', () => {
  const bench = foundedBench();
  bench.ask(startOf('n1', 1, marksTo(1)));
  assert.equal(bench.ask(startOf('n1', 1, marksTo(2))).version, 3);
  const moved = {
    ...startOf('n1', 2, marksTo(3)),
    address: 'elsewhere.example.org:2580',
    zone: 'east',
    version: '0.2.0',
  };
  const { nodes, version } = bench.ask(moved);
  assert.equal(version, 4);
  assert.equal(nodes[0]?.address, 'elsewhere.example.org:2580');
  assert.equal(nodes[0]?.zone, 'east');
  assert.equal(nodes[0]?.started?.version, '0.2.0');
  const again = { ...moved, address: 'back.example.org:2580' };
  assert.equal(bench.ask(again).version, 5);
  assert.equal(bench.ask({ ...again, zone: 'west' }).version, 6);
  assert.equal(bench.ask({ ...again, zone: 'west', host: 'h2' }).version, 7);
});

void test('an empty or an older disk is refused, also after it was started until its number was high enough', () => {
  const bench = foundedBench();
  bench.ask(startOf('n1', 7, marksTo(7)));
  const refusal = { code: 'diskOlder', transient: false };
  assert.throws(() => bench.ask(startOf('n1', 1, [mark(1, 'fresh')])), refusal);
  const backup = marksTo(5);
  assert.throws(() => bench.ask(startOf('n1', 6, [mark(6, 'other'), ...backup])), refusal);
  assert.throws(() => bench.ask(startOf('n1', 7, [mark(7, 'other'), mark(6, 'other'), ...backup])), refusal);
  const far = [mark(9, 'other'), mark(8, 'other'), mark(7, 'other'), mark(6, 'other'), ...backup];
  assert.throws(() => bench.ask(startOf('n1', 9, far)), refusal);
  assert.equal(bench.ask(startOf('n1', 8, marksTo(8))).nodes[0]?.started?.mark.number, 8);
});

void test('a higher mark with a lower count of starts is no disk of this node either', () => {
  const bench = foundedBench();
  bench.ask(startOf('n1', 3, marksTo(3)));
  assert.throws(() => bench.ask(startOf('n1', 2, marksTo(4))), { code: 'diskOlder' });
});

void test('who was never admitted does not start, and who has started does not come in once more', () => {
  const bench = foundedBench();
  assert.throws(() => bench.ask(startOf('n2', 1, marksTo(1))), { code: 'nodeUnknown', message: /ringpost join/ });
  const secretHash = givenToken(bench);
  bench.ask({ kind: 'admit', secretHash, node: newNode('n2') });
  bench.ask(startOf('n2', 1, marksTo(1)));
  assert.throws(() => bench.ask({ kind: 'admit', secretHash, node: newNode('n2') }), { code: 'nodeIdTaken' });
});

void test('a start that does not fit is refused by the field that is wrong', () => {
  const bench = foundedBench();
  const wrong: readonly [object, RegExp][] = [
    [{ incarnation: 0 }, /incarnation/],
    [{ mark: { number: 1.5, nonce: 'x' } }, /marks/],
    [{ mark: { number: 2, nonce: 7 } }, /marks/],
    [{ marksBefore: marksTo(257) }, /256/],
    [{ marksBefore: 'none' }, /marks/],
    [{ address: 'x'.repeat(301) }, /mesh\.advertise/],
    [{ zone: 7 }, /node\.zone/],
    [{ host: 'x'.repeat(256) }, /node\.host/],
    [{ version: 'x'.repeat(65) }, /version/],
  ];
  for (const [field, message] of wrong) {
    const start = { ...startOf('n1', 1, marksTo(1)), ...field } as ReturnType<typeof startOf>;
    assert.throws(() => bench.ask(start), { code: 'badClusterRecord', message });
  }
});

const record = (id: string, state: NodeRecord['state']): NodeRecord => ({
  ...newNode(id),
  state,
  admittedMs: 1,
  started: null,
});

void test('a removed node neither starts nor comes back under its name, nor with its key; its place is free', () => {
  const removed = record('n2', 'removed');
  assert.equal(judgeStart(removed, startOf('n2', 2, marksTo(2)))?.code, 'nodeRemoved');
  const { keyHash } = removed;
  assert.equal(judgeJoiner([removed], { node: 'n2', keyHash })?.code, 'nodeRemoved');
  assert.equal(judgeJoiner([removed], { node: 'n3', keyHash })?.code, 'keyTaken');
  const others = Array.from({ length: 63 }, (_, i) => record(`m${i}`, 'member'));
  const joiner = { node: 'n3', keyHash: hashOf('new') };
  assert.equal(judgeJoiner([removed, ...others], joiner), null);
  assert.equal(judgeJoiner([removed, ...others, record('m63', 'leaving')], joiner)?.code, 'tooManyNodes');
});
