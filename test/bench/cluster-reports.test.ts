/** What the scenarios about a cluster make of their numbers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { throughputAim } from '../../bench/aims.ts';
import type { Report } from '../../bench/report.ts';
import { type IdleNode, idleReport } from '../../bench/scenarios/cluster-idle.ts';
import { latencyReport } from '../../bench/scenarios/cluster-latency.ts';
import { scalingReport } from '../../bench/scenarios/cluster-scaling.ts';
import type { NodeRound } from '../../bench/scenarios/node-costs.ts';
import type { Round } from '../../bench/scenarios/round.ts';
import { scenarios } from '../../bench/scenarios/scenarios.ts';

const server = { name: 'ringpost', version: '1 of 3 nodes' } as const;

const node = (name: string): NodeRound => ({
  ...{ name, leads: 85, cpuUsPerMail: 400, rssAnonMib: 120, mails: 300 },
  ...{ entriesPerCommit: 7, meshKibPerMail: 21 },
});

function round(changes: Partial<Round> = {}): Round {
  return {
    ...{ mailsPerSecond: 1_000, p50Ms: 20, p99Ms: 60, maxMs: 90, sinceDueP99Ms: 70, sinceDueMaxMs: 100 },
    ...{ serverCpuUsPerMail: 1_200, loadCpuUsPerMail: 85, rssAnonMib: 360, settleMs: 0, mails: 4_000, othersShare: 0 },
    ...{ copies: { '2/3': 3_000, '3/3': 1_000 }, elections: 0, nodes: ['n1', 'n2', 'n3'].map(node) },
    ...changes,
  };
}

/** Every row has a cell for each head. */
function mustBeWhole({ tables }: Report): void {
  for (const { title, heads, rows } of tables) {
    for (const row of rows) assert.equal(row.length, heads.length, title);
  }
}

const held = ({ verdicts }: Report): boolean[] => verdicts.map(({ holds }) => holds);

void test('latency: p99 at a pace that was kept, with copies of a majority and no election, holds', () => {
  const report = latencyReport(server, 700, [round()], [round({ mailsPerSecond: 699 })]);
  mustBeWhole(report);
  assert.deepEqual(held(report), [true, true, true, true]);
  assert.deepEqual(report.servers, ['ringpost 1 of 3 nodes']);
  assert.match(report.verdicts[0]?.text ?? '', /^p99 of 250: 60 ms from MAIL, 70 ms from when it was due/);
});

void test('latency: a pace that was not kept is told, however short the p99', () => {
  const report = latencyReport(server, 700, [round()], [round({ mailsPerSecond: 600 })]);
  assert.deepEqual(held(report).slice(0, 2), [true, false]);
  assert.match(report.verdicts[1]?.text ?? '', /^the pace of 700 mails\/s: 86 % of it was kept/);
});

void test('latency: the median p99 of the paced rounds decides, the maximum is that of all of them', () => {
  const slow = { mailsPerSecond: 700, p99Ms: 250 };
  const paced = [round(slow), round({ ...slow, maxMs: 900 }), round({ mailsPerSecond: 700 })];
  const report = latencyReport(server, 700, [round()], paced);
  assert.equal(held(report)[0], false);
  assert.deepEqual(report.tables[0]?.rows[1]?.slice(1, 5), [700, 20, 250, 900]);
});

void test('scaling: a row a cluster and a row a node; a lone node has no majority to answer for', () => {
  const lone = { nodes: 1, label: 'ringpost 1', startMs: 900, rounds: [round({ copies: {}, nodes: [node('n1')] })] };
  const three = {
    nodes: 3,
    label: 'ringpost 1 of 3 nodes',
    startMs: 9_000,
    rounds: [round(), round({ elections: 2 })],
  };
  const report = scalingReport([lone, three]);
  mustBeWhole(report);
  assert.deepEqual(
    report.tables.map(({ rows }) => rows.length),
    [2, 4],
  );
  assert.deepEqual(held(report), [true, false]);
  assert.match(report.verdicts[1]?.text ?? '', /^3 nodes: 2 elections/);
});

const idle = (changes: Partial<IdleNode> = {}): IdleNode => ({
  ...{ name: 'n1', leads: 85, cpuShare: 0.02, rssAnonBytes: 120 * 2 ** 20 },
  ...{ bytesInPerSecond: 4_000, bytesOutPerSecond: 5_000, commitsPerSecond: 0 },
  ...changes,
});

void test('idle: CPU, memory and the bytes of both directions together decide for each node', () => {
  const cases: readonly Partial<IdleNode>[] = [
    {},
    { cpuShare: 0.031 },
    { rssAnonBytes: 144 * 2 ** 20 },
    { bytesOutPerSecond: 6_001 },
    { bytesInPerSecond: Number.NaN },
  ];
  const report = idleReport(server, { seconds: 30, nodes: cases.map(idle), elections: 0 });
  mustBeWhole(report);
  assert.deepEqual(held(report), [true, false, false, false, false, true]);
  assert.match(
    report.verdicts[0]?.text ?? '',
    /^n1 at rest: 2\.00 % of a core, RssAnon 120 MiB, 9\.0 KB\/s on the mesh/,
  );
});

void test('idle: traffic that a node does not tell is said to be unknown, and does not hold', () => {
  const report = idleReport(server, { seconds: 30, nodes: [idle({ bytesOutPerSecond: Number.NaN })], elections: 0 });
  assert.deepEqual(held(report), [false, true]);
  assert.match(report.verdicts[0]?.text ?? '', /nobody knows what on the mesh/);
});

void test('idle: an election of a cluster at rest does not hold', () => {
  assert.deepEqual(held(idleReport(server, { seconds: 30, nodes: [idle()], elections: 1 })), [true, false]);
});

void test('aims: three nodes against Postfix have one of their own, other numbers of nodes have none', () => {
  const load = { mode: 'open', sizeKib: 10, sessions: 50 } as const;
  const ratioOf = (nodes?: number) =>
    throughputAim('postfix', nodes === undefined ? load : { ...load, nodes })?.ratioMin;
  assert.deepEqual([ratioOf(), ratioOf(1), ratioOf(3), ratioOf(5)], [7, 7, 3, undefined]);
});

void test('scenarios: those about a cluster have three nodes or more by themselves, and smtp-in has one', () => {
  const nodesOf = (name: string) => scenarios.get(name)?.defaults.nodes;
  assert.deepEqual(['smtp-in', 'cluster-latency', 'cluster-idle', 'cluster-scaling', 'smtp-out'].map(nodesOf), [
    [1],
    [3],
    [3],
    [1, 3, 5],
    undefined,
  ]);
});
