import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf } from '../../../cluster/cli/facts.ts';
import { formatSpan, growthOf, plainWords, problemsOf } from '../../../cluster/cli/problems.ts';
import type { ClusterReport } from '../../../cluster/report.ts';
import { id, ms, nowMs, sample } from './sample-report.ts';

const texts = (report: ClusterReport): string[] => problemsOf(factsOf(report)).map(({ text }) => text);
const cures = (report: ClusterReport): string =>
  problemsOf(factsOf(report))
    .map(({ cure }) => cure)
    .join('\n');

void test('three nodes that are well have no problem, and the screen says that any one may die', () => {
  const facts = factsOf(sample({ nodes: 'n1 n2 n3' }));
  assert.deepEqual(problemsOf(facts), []);
  assert.equal(growthOf(facts), null);
  assert.deepEqual(plainWords(facts), ['Three nodes: any one may die.']);
  assert.deepEqual(facts.sum, { total: 6, served: 6, atGoal: 6, copies: { 3: 6 } });
});

void test('a dead node is one line: since when, what came back how fast, how many copies are left', () => {
  const takeover = { node: id('n2'), atMs: ms('14:03:07'), shards: 85, shardsBack: 85, backMs: 612 };
  const report = sample({ nodes: 'n1 n2 n3', dead: 'n2', rest: { takeovers: [takeover] } });
  assert.deepEqual(texts(report), ['n2 dead since 14:03:07Z · 85 shards back in 0.6 s · copies 2 of 3']);
  assert.match(cures(report), /ringpost start --data DIR; if it runs, look at the way to n2\.example\.net:2580/);
  const half = sample({
    nodes: 'n1 n2 n3',
    dead: 'n2',
    rest: { takeovers: [{ ...takeover, shardsBack: 12, backMs: null }] },
  });
  assert.match(texts(half)[0] ?? '', /12 of 85 shards back/);
});

void test('a node that died on another day says which', () => {
  const sinceMs = Date.UTC(2026, 10, 20, 1, 2, 3);
  const report = sample({ nodes: 'n1 n2 n3', dead: 'n3', peer: (node) => (node === 'n3' ? { sinceMs } : {}) });
  assert.match(texts(report)[0] ?? '', /^n3 dead since 2026-11-20 01:02:03Z/);
  const never = sample({ nodes: 'n1 n2 n3', dead: 'n3', peer: (node) => (node === 'n3' ? { sinceMs: null } : {}) });
  assert.match(texts(never)[0] ?? '', /^n3 not heard since this node started at 13:00:00Z/);
});

void test('growing: how many shards have their copies, and no problem', () => {
  const facts = factsOf(
    sample({
      nodes: 'n1 n2 n3',
      voters: (shard) => (shard < 2 ? 'n1 n2 n3' : 'n1'),
      learners: (shard) => (shard === 2 ? 'n2' : null),
      leader: () => 'n1',
    }),
  );
  assert.deepEqual(problemsOf(facts), []);
  assert.equal(growthOf(facts), 'shards with three copies: 2 of 6');
  assert.equal(facts.sum.atGoal, 2);
  assert.deepEqual(facts.sum.copies, { 1: 4, 3: 2 });
  assert.match(plainWords(facts)[0] ?? '', /Until all shards have their copies/);
  assert.deepEqual(
    facts.shards.map(({ state }) => state),
    ['ok', 'ok', 'moving', 'moving', 'moving', 'moving'],
  );
});

void test('one node and two nodes are told what they do not survive', () => {
  assert.match(plainWords(factsOf(sample({ nodes: 'n1' })))[0] ?? '', /^One node: .*not the loss of this machine\.$/);
  const two = factsOf(sample({ nodes: 'n1 n2' }));
  assert.deepEqual(problemsOf(two), []);
  assert.match(plainWords(two)[0] ?? '', /^Two nodes: .*takes no mail \(451\) until it is back\.$/);
  assert.match(plainWords(two)[1] ?? '', /third node/);
});

void test('of two nodes the survivor says that its shards are stopped', () => {
  const report = sample({ nodes: 'n1 n2', dead: 'n2', leader: () => null });
  const found = texts(report);
  assert.match(found[0] ?? '', /^n2 dead since 14:03:07Z · copies 1 of 2$/);
  assert.match(found[1] ?? '', /^6 shards are stopped/);
  assert.match(found[2] ?? '', /^nobody leads the metadata/);
  assert.match(cures(report), /until then nothing is taken/);
  const growing = sample({
    nodes: 'n1 n2',
    dead: 'n2',
    voters: (shard) => (shard === 0 ? 'n1 n2' : 'n1'),
    leader: (shard) => (shard === 0 ? null : 'n1'),
  });
  assert.doesNotMatch(cures(growing), /nothing is taken/, 'most shards still have one voter');
});

void test('a node that reaches none of several others says what that means', () => {
  const cut = { nodes: 'n1 n2 n3', dead: 'n2 n3' };
  assert.equal(texts(sample({ ...cut, leader: () => null }))[0], 'n1 reaches none of the others, so it takes no mail');
  const some = sample({
    ...cut,
    voters: (shard) => (shard < 2 ? 'n1 n2' : 'n1'),
    leader: (shard) => (shard < 2 ? null : 'n1'),
  });
  assert.equal(texts(some)[0], 'n1 reaches none of the others, so 2 shards are stopped');
  assert.match(cures(some), /the others should be at n2 n2\.example\.net:2580, n3 n3\.example\.net:2580/);
});

void test('a majority that is alive and has no leader yet waits for its election', () => {
  const report = sample({ nodes: 'n1 n2 n3', leader: (shard) => (shard === 4 ? null : 'n1') });
  assert.deepEqual(texts(report), ['1 shard is without a leader']);
});

void test('a node that joined and was not started is told apart from a dead one', () => {
  const report = sample({ nodes: 'n1 n2', admitted: 'n3' });
  assert.deepEqual(texts(report), ['n3 has joined and was not started yet']);
});

void test('a member that is turned away says why, with the cure of the refusal', () => {
  const refusal = {
    atMs: nowMs,
    code: 'diskOlder',
    text: 'its disk is older than the one that was seen. Cure: join it anew',
  };
  const report = sample({ nodes: 'n1 n2 n3', dead: 'n2', peer: (node) => (node === 'n2' ? { refusal } : {}) });
  assert.match(texts(report)[0] ?? '', /turned away: its disk is older than the one that was seen \[diskOlder\]$/);
  assert.equal(cures(report), 'join it anew');
});

void test('a stranger at the door is named with his count; an old visit, and a member told of already, are not', () => {
  const refusals = [
    { atMs: nowMs - 5_000, from: '192.0.2.9:4711', code: 'otherCluster', text: 'it is of another cluster', count: 12 },
    { atMs: nowMs - 3_600_000, from: '192.0.2.8:1', code: 'otherCluster', text: 'long ago', count: 1 },
  ];
  const report = sample({ nodes: 'n1 n2 n3', rest: { refusals } });
  assert.deepEqual(texts(report), [
    'turned away: 192.0.2.9:4711: it is of another cluster [otherCluster] · 12 times · 14:03:15Z',
  ]);
});

void test('of three clocks the one that is wrong is named; of two, both are off from each other', () => {
  const tenMinutes = 600_000;
  const offThere = sample({ nodes: 'n1 n2 n3', peer: (node) => (node === 'n3' ? { wallAheadMs: tenMinutes } : {}) });
  assert.deepEqual(texts(offThere), ['the clock of n3 is 10.0 min ahead of the others, so it leads nothing']);
  const offHere = sample({ nodes: 'n1 n2 n3', peer: () => ({ wallAheadMs: tenMinutes }) });
  assert.deepEqual(texts(offHere), ['the clock of n1 is 10.0 min behind the others, so it leads nothing']);
  const two = sample({ nodes: 'n1 n2', peer: () => ({ wallAheadMs: -3_000 }) });
  assert.deepEqual(texts(two), [
    'the clock of n1 is 3.0 s ahead of the others',
    'the clock of n2 is 3.0 s behind the others',
  ]);
});

void test('what ails this node itself is said first: mesh port, disk, no map', () => {
  const meshProblem = '127.0.0.1:2580 is in use by another program. Cure: choose another address';
  const unfitReason = 'the disk hangs: a write has waited for 2.0 s; look at the disk of this node';
  const report = sample({
    nodes: 'n1 n2 n3',
    self: { meshProblem, unfitReason },
    rest: { map: null, placement: null },
  });
  const found = problemsOf(factsOf(report));
  assert.deepEqual(found[0], {
    text: 'no other node reaches this one: 127.0.0.1:2580 is in use by another program',
    cure: 'choose another address',
  });
  assert.deepEqual(found[1], {
    text: 'n1 leads nothing: the disk hangs: a write has waited for 2.0 s',
    cure: 'look at the disk of this node',
  });
  assert.match(found[2]?.text ?? '', /does not know yet who is in the cluster/);
});

void test('a lone node whose mesh port is taken has no problem; it says that none can join', () => {
  const facts = factsOf(sample({ nodes: 'n1', self: { meshProblem: 'the port is taken. Cure: choose another' } }));
  assert.deepEqual(problemsOf(facts), []);
  assert.equal(plainWords(facts)[1], 'None can join it: the port is taken. Cure: choose another');
});

void test('a damaged copy, and a peer that is unfit, are said', () => {
  const damaged = sample({ nodes: 'n1 n2 n3', group: (shard) => (shard === 1 ? { damagedFrom: 5 } : {}) });
  assert.match(texts(damaged)[0] ?? '', /copies of 1 shard on this node are damaged/);
  const unfit = sample({ nodes: 'n1 n2 n3', peer: (node) => (node === 'n2' ? { isFit: false } : {}) });
  assert.match(texts(unfit)[0] ?? '', /^n2 leads nothing/);
});

void test('spans of time are short and have a unit', () => {
  assert.deepEqual([400, 600_000, 8 * 3_600_000, 4 * 86_400_000].map(formatSpan), [
    '0.4 s',
    '10.0 min',
    '8.0 h',
    '4.0 d',
  ]);
});
