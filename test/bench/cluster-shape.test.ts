/** When a cluster is whole enough to be measured. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changedLeaders, type ClusterView, isSpread, leadsOf, missingOf } from '../../bench/peers/cluster-shape.ts';

const seen = (alive: readonly boolean[], served = 4): ClusterView => ({
  members: alive.map((isAlive) => ({ alive: isAlive })),
  sum: { total: 4, served },
});

const all = ['n1', 'n2', 'n3'];
/** Four shards with all copies, and the metadata behind them. */
const whole = [0, 1, 2, 3, 4].map((shard) => ({
  ...{ shard, by: 'n1', leader: 'n1', term: 2 },
  ...{ voters: all, desired: ['n3', 'n1', 'n2'] },
}));

void test('shape: nothing is missing when all nodes live and every shard is served with all its copies', () => {
  assert.equal(missingOf(seen([true, true, true]), whole, 3), '');
});

void test('shape: what is missing is told: nodes, service, copies', () => {
  const grown = whole.map((view) => (view.shard === 2 ? { ...view, voters: ['n1'] } : view));
  const text = missingOf(seen([true, true, false], 3), grown, 3);
  assert.equal(text, '2 of 3 nodes live, 3 of 4 shards are served, 3 of 4 shards have all copies');
});

void test('shape: a cluster whose third node is not known yet is not whole, though all that it knows of is', () => {
  assert.equal(missingOf(seen([true, true]), whole, 3), '2 of 3 nodes live');
});

void test('shape: a fourth node that nobody expects is told as well', () => {
  assert.equal(missingOf(seen([true, true, true, false]), whole, 3), '3 of 3 nodes live');
});

void test('shape: what the leader of a shard sees counts; of two that think they lead, what the newer one sees', () => {
  const status = seen([true, true, true]);
  const missing = '0 of 4 shards have all copies';
  const left = whole.map((view) => ({ ...view, by: 'n4', voters: [...all, 'n4'] }));
  assert.equal(missingOf(status, [...left, ...whole], 3), '', 'a node that left it still sees itself there');
  const strange = whole.map((view) => ({ ...view, by: 'n5', term: 9, voters: null }));
  assert.equal(missingOf(status, [...strange, ...whole], 3), '');
  assert.equal(missingOf(status, strange, 3), missing);
  const moved = whole.map((view) => ({ ...view, term: 3, voters: ['n1', 'n2', 'n4'] }));
  assert.equal(missingOf(status, [...moved, ...whole], 3), missing);
  assert.equal(missingOf(status, [...whole, ...moved], 3), missing);
  const crowded = whole.map((view) => ({ ...view, voters: [...all, 'n4'] }));
  assert.equal(missingOf(status, crowded, 3), missing, 'one copy too many is still to be taken away');
});

void test('shape: shards whose goal nobody knows yet are not at it', () => {
  const early = whole.map((view) => ({ ...view, desired: null }));
  assert.equal(missingOf(seen([true, true, true]), early, 3), '0 of 4 shards have all copies');
});

const rows = (...leaders: (string | null)[]) => leaders.map((leader, shard) => ({ shard, leader, term: 1 }));
const names = ['n1', 'n2', 'n3'];

void test('leaders: they are spread when every shard is led and no node leads many more than another', () => {
  assert.ok(isSpread(rows('n1', 'n2', 'n3', 'n1', 'n2', 'n3', 'n1', 'n1'), names));
  assert.ok(!isSpread(rows('n1', 'n1', 'n1', 'n2', 'n3', 'n1'), names), 'three more than another');
  assert.ok(!isSpread(rows('n1', 'n2', 'n3', null), names), 'one shard has no leader');
  assert.ok(!isSpread(rows('n1', 'n2', 'n3', 'n4'), names), 'a stranger leads one');
  assert.ok(!isSpread([], names), 'nothing is known');
});

void test('leaders: they are counted by node', () => {
  const leaders = rows('n2', null, 'n2');
  assert.deepEqual([leadsOf(leaders, 'n2'), leadsOf(leaders, 'n1')], [2, 0]);
});

void test('leaders: a new term or another leader is a change, a shard that was not known before is none', () => {
  const before = rows('n1', 'n2', 'n3');
  assert.equal(changedLeaders(before, before), 0);
  assert.equal(changedLeaders(before, rows('n1', 'n2', 'n1')), 1);
  assert.equal(changedLeaders(before, [{ shard: 0, leader: 'n1', term: 2 }]), 1);
  assert.equal(changedLeaders(before, rows('n1', 'n2', 'n3', 'n1')), 0);
});
