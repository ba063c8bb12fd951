import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf } from '../../../cluster/cli/facts.ts';
import {
  clusterSummary,
  leadersJson,
  leadersScreen,
  membersJson,
  membersScreen,
  rangesOf,
  shardsJson,
  shardsScreen,
  statusJson,
  statusScreen,
} from '../../../cluster/cli/screens.ts';
import type { ShardId } from '../../../runtime/base/ids.ts';
import { id, ids, ms, nowMs, sample } from './sample-report.ts';

const lines = (text: string): string[] => text.split('\n');

void test('status: a healthy cluster is a dozen lines', () => {
  assert.deepEqual(lines(statusScreen(sample({ nodes: 'n1 n2 n3' }))), [
    'cluster cl1 · 3 of 3 nodes alive · all is well',
    '  n1  this node              n1.example.net:2580  leads 2  copies 6',
    '  n2  alive since 13:00:01Z  n2.example.net:2580  leads 2  copies 6',
    '  n3  alive since 13:00:01Z  n3.example.net:2580  leads 2  copies 6',
    '  shards    6 of 6 served · 6 with three copies',
    '  metadata  led by n1 · votes n1 n2 n3',
    '  Three nodes: any one may die.',
  ]);
});

void test('status: a dead node is a problem with its cure, below everything else', () => {
  const takeover = { node: id('n2'), atMs: ms('14:03:07'), shards: 2, shardsBack: 2, backMs: 430 };
  const text = statusScreen(sample({ nodes: 'n1 n2 n3', dead: 'n2', rest: { takeovers: [takeover] } }));
  assert.match(text, /^cluster cl1 · 2 of 3 nodes alive · 1 problem$/m);
  assert.match(text, /^ {2}n2 {2}dead since 14:03:07Z .* leads 0 {2}copies 6$/m);
  assert.match(text, /^ {2}shards {4}6 of 6 served · 6 with two copies$/m);
  assert.match(
    text,
    /\n\n! n2 dead since 14:03:07Z · 2 shards back in 0\.4 s · copies 2 of 3\n {2}cure: start it again/,
  );
});

void test('status: growth has a line of its own', () => {
  const growing = sample({
    nodes: 'n1 n2 n3',
    voters: (shard) => (shard < 4 ? 'n1 n2 n3' : 'n1 n2'),
    leader: () => 'n1',
  });
  assert.match(statusScreen(growing), /^ {2}growing {3}shards with three copies: 4 of 6$/m);
});

void test('status --json: what a script waits for', () => {
  const json = JSON.parse(JSON.stringify(statusJson(sample({ nodes: 'n1 n2 n3', dead: 'n3' }))));
  assert.deepEqual([json.clusterId, json.generation, json.self, json.goal], ['cl1', 1, 'n1', 3]);
  assert.deepEqual(json.shards, { total: 6, served: 6, atGoal: 6, copies: { 2: 6 } });
  assert.deepEqual(
    json.nodes.map((node: { id: string; alive: boolean }) => [node.id, node.alive]),
    [
      ['n1', true],
      ['n2', true],
      ['n3', false],
    ],
  );
  assert.deepEqual(Object.keys(json.problems[0]), ['text', 'cure']);
});

void test('members: one row a node; a stranger’s text moves no cursor', () => {
  const refusal = { atMs: nowMs, code: 'x', text: 'bad\x1b[2J' };
  const report = sample({ nodes: 'n1 n2 n3', peer: (node) => (node === 'n2' ? { wallAheadMs: -1_500, refusal } : {}) });
  const text = membersScreen(factsOf(report));
  assert.match(text, /^NODE {2}STATE .* STARTS {2}LEADS {2}COPIES {3}CLOCK$/m);
  assert.match(text, /^n2 {4}member {2}alive since 13:00:01Z .* -1\.5 s$/m);
  assert.match(text, /^! n2 turned away 14:03:20Z: bad\\u001b\[2J$/m);
  const [, second] = JSON.parse(JSON.stringify(membersJson(factsOf(report))));
  assert.deepEqual(second.lastRefusal, { at: '2026-11-28T14:03:20.000Z', code: 'x', text: 'bad\x1b[2J' });
  for (const key of [
    'id',
    'state',
    'alive',
    'address',
    'zone',
    'host',
    'version',
    'incarnation',
    'leads',
    'replicas',
  ]) {
    assert.ok(key in second, key);
  }
});

void test('a peer that dialled us is shown where it listens, not where it called from', () => {
  const report = sample({ nodes: 'n1 n2 n3', peer: () => ({ address: '127.0.0.1:43146' }) });
  assert.equal(factsOf(report).members[1]?.address, 'n2.example.net:2580');
  assert.equal(factsOf({ ...report, map: null }).members[1]?.address, '127.0.0.1:43146');
});

void test('leaders: how many each node leads, and which', () => {
  const text = leadersScreen(
    factsOf(sample({ nodes: 'n1 n2 n3', leader: (shard) => (shard === 5 ? null : shard < 3 ? 'n1' : 'n2') })),
  );
  assert.match(text, /^n1 {12}3 {2}0-2$/m);
  assert.match(text, /^n2 {12}2 {2}3-4$/m);
  assert.match(text, /^n3 {12}0 {2}-$/m);
  assert.match(text, /^\(nobody\) {6}1 {2}5$/m);
});

void test('leaders --json and shards --json: every shard, the metadata last', () => {
  const facts = factsOf(sample({ nodes: 'n1 n2 n3' }));
  const leaders = leadersJson(facts);
  assert.equal(leaders.length, 7);
  assert.deepEqual(leaders[4], { shard: 4, leader: 'n2', term: 7, voters: ids('n1 n2 n3') });
  const [first] = shardsJson(facts);
  assert.deepEqual(
    { ...first },
    {
      ...{ shard: 0, leader: 'n1', term: 7, voters: ids('n1 n2 n3'), learners: [], desired: ids('n1 n2 n3') },
      ...{ committed: 100, copies: 3, isServed: true, state: 'ok' },
    },
  );
});

void test('shards: those that are not as they should be, or all', () => {
  const growing = factsOf(
    sample({ nodes: 'n1 n2 n3', voters: (shard) => (shard === 3 ? 'n1' : 'n1 n2 n3'), leader: () => 'n1' }),
  );
  const odd = lines(shardsScreen(growing, false));
  assert.equal(odd[0], '6 shards: 5 ok · 1 moving');
  assert.match(odd[2] ?? '', /^3 +n1 +7 {2}n1 +- +n1 n2 n3 +103 {2}moving$/);
  assert.equal(odd.length, 3);
  assert.match(shardsScreen(growing, true), /^6 \(metadata\) {2}n1/m);
  const well = shardsScreen(factsOf(sample({ nodes: 'n1 n2 n3' })), false);
  assert.match(well, /Each has its leader and its copies/);
  const large = sample({ nodes: 'n1 n2 n3', shards: 256, voters: () => 'n1', leader: () => 'n1' });
  assert.ok(lines(shardsScreen(factsOf(large), false)).length <= 24, 'one screen');
});

void test('a shard without a replica here is shown by what its leader claims; a dead node’s claim counts for nothing', () => {
  const report = sample({ nodes: 'n1 n2 n3' });
  const claims = [
    { node: id('n2'), shard: 2 as ShardId, term: 9 },
    { node: id('n3'), shard: 2 as ShardId, term: 8 },
  ];
  const without = { ...report, groups: report.groups.filter(({ shard }) => shard !== 2), claims };
  const shard = factsOf(without).shards[2];
  assert.deepEqual([shard?.leader, shard?.term, shard?.voters, shard?.state], ['n2', 9, null, 'ok']);
  const dead = { ...sample({ nodes: 'n1 n2 n3', dead: 'n2' }), groups: without.groups, claims };
  assert.equal(factsOf(dead).shards[2]?.leader, 'n3');
});

void test('of two views of a shard the newer term counts, and in one term the leader’s', () => {
  const report = sample({ nodes: 'n1 n2 n3', leader: () => 'n2' });
  const old = report.groups[0];
  assert.ok(old);
  const newer = {
    ...old,
    node: id('n3'),
    term: 8,
    leader: id('n3'),
    role: 'leader' as const,
    isServed: true,
    committed: 1,
  };
  const same = { ...old, node: id('n2'), role: 'leader' as const, isServed: true, voters: ids('n1 n2'), committed: 90 };
  assert.equal(factsOf({ ...report, groups: [...report.groups, newer] }).shards[0]?.leader, 'n3');
  assert.deepEqual(factsOf({ ...report, groups: [...report.groups, same] }).shards[0]?.voters, ids('n1 n2'));
});

void test('ringpost status gets one line of a healthy cluster, what a small one means, and the problems', () => {
  assert.deepEqual(clusterSummary(sample({ nodes: 'n1 n2 n3' })), {
    lines: ['3 of 3 nodes alive · 6 of 6 served · 6 with three copies'],
    problems: [],
  });
  const lone = clusterSummary(sample({ nodes: 'n1' }));
  assert.equal(lone.lines[0], '1 of 1 node alive · 6 of 6 served · 6 with one copy');
  assert.match(lone.lines[1] ?? '', /^One node/);
  const [problem] = clusterSummary(sample({ nodes: 'n1 n2 n3', dead: 'n3' })).problems;
  assert.match(problem?.what ?? '', /^n3 dead since/);
  assert.match(problem?.cure ?? '', /ringpost start/);
});

void test('ranges: neighbours are one, and a long list ends with dots', () => {
  assert.equal(rangesOf([0, 1, 2, 5, 7, 8]), '0-2 5 7-8');
  assert.equal(rangesOf([]), '-');
  assert.match(rangesOf(Array.from({ length: 40 }, (_, i) => i * 2)), /^0 2 .* 22 …$/);
});
