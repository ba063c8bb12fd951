/** What a round costs each node, and what it says of the cluster. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { totalCost } from '../../bench/measure/processes.ts';
import {
  clusterVerdicts,
  electionsOf,
  formatCopies,
  lookAtNodes,
  medianNodes,
  type NodeLook,
  nodeCells,
  nodeHeads,
  nodeRounds,
  sumCopies,
} from '../../bench/scenarios/node-costs.ts';

const cost = (cpuMs: number, mib: number) => ({ cpuMs, rssAnonBytes: mib * 2 ** 20, processCount: 1 });
const counts = (mails: number, commits: number, entries: number, kib: number) => ({
  ...{ mails, commits, entries },
  ...{ meshBytesIn: kib * 1024, meshBytesOut: 2 * kib * 1024 },
});
const leaders = (...of: string[]) => of.map((leader, shard) => ({ shard, leader, term: 1 }));

const costs = {
  before: [cost(1_000, 90), cost(2_000, 91)],
  loaded: [cost(1_400, 120), cost(2_100, 110)],
  after: [cost(1_500, 95), cost(2_250, 96)],
};
const looks: readonly [NodeLook, NodeLook] = [
  { counts: [counts(100, 10, 40, 0), counts(0, 20, 90, 5)], leaders: leaders('n1', 'n2', 'n1') },
  { counts: [counts(700, 110, 840, 100), counts(400, 120, 290, 5)], leaders: leaders('n1', 'n2', 'n2') },
];

void test("nodes: a node's CPU is that until it has settled, for each mail of the cluster; memory is that under load", () => {
  const [one, other] = nodeRounds(['n1', 'n2'], costs, looks, 1_000);
  assert.deepEqual(one, {
    ...{ name: 'n1', leads: 1, cpuUsPerMail: 500, rssAnonMib: 120 },
    ...{ mails: 600, entriesPerCommit: 8, meshKibPerMail: 0.3 },
  });
  assert.deepEqual(other, {
    ...{ name: 'n2', leads: 2, cpuUsPerMail: 250, rssAnonMib: 110 },
    ...{ mails: 400, entriesPerCommit: 2, meshKibPerMail: 0 },
  });
});

void test('nodes: those of one server add up to what it costs', () => {
  const spent = totalCost(costs.after).cpuMs - totalCost(costs.before).cpuMs;
  const nodes = nodeRounds(['n1', 'n2'], costs, looks, 1_000);
  assert.equal(
    nodes.reduce((sum, { cpuUsPerMail }) => sum + cpuUsPerMail, 0),
    (spent * 1_000) / 1_000,
  );
});

void test('nodes: a lone one leads nothing that is told, and committed nothing: no number, not zero', () => {
  const idle = { counts: [counts(0, 5, 9, Number.NaN)], leaders: [] };
  const [lone] = nodeRounds(['n1'], { ...costs }, [idle, idle], 10);
  assert.deepEqual([lone?.leads, lone?.entriesPerCommit, lone?.meshKibPerMail], [Number.NaN, Number.NaN, Number.NaN]);
});

void test('nodes: the median is taken of each number of each node by itself', () => {
  const rounds = [4, 1, 7].map((of) => nodeRounds(['n1', 'n2'], costs, looks, of * 1_000));
  const medians = medianNodes(rounds);
  assert.deepEqual(
    medians.map(({ name, cpuUsPerMail }) => [name, cpuUsPerMail]),
    [
      ['n1', 125],
      ['n2', 62.5],
    ],
  );
  assert.deepEqual(medianNodes([[], []]), []);
  for (const node of medians) assert.equal(nodeCells(node).length, nodeHeads.length);
});

void test('nodes: a look asks every node and the cluster once; a peer has nothing to say', async () => {
  assert.deepEqual(await lookAtNodes({}), { counts: [], leaders: [] });
  const node = (mails: number) => ({ name: 'n', smtpPort: 1, counts: () => Promise.resolve(counts(mails, 1, 1, 1)) });
  const look = await lookAtNodes({ nodes: [node(3), node(4)], leaders: () => Promise.resolve(leaders('n1')) });
  assert.deepEqual(
    look.counts.map(({ mails }) => mails),
    [3, 4],
  );
  assert.deepEqual(look.leaders, leaders('n1'));
});

void test('elections: a shard with another leader after the round counts', () => {
  assert.equal(electionsOf(looks), 1);
  assert.equal(electionsOf([looks[0], looks[0]]), 0);
});

void test('copies: they are added up over rounds and told in shares', () => {
  const copies = sumCopies([{ '2/3': 50, '3/3': 20 }, { '2/3': 10 }, {}]);
  assert.deepEqual(copies, { '2/3': 60, '3/3': 20 });
  assert.equal(formatCopies(copies), '2/3 75 %, 3/3 25 %');
  assert.equal(formatCopies({}), '-');
});

void test('verdicts: an answer with fewer copies than a majority, or with none named, does not hold; nor an election', () => {
  const holds = (copies: Record<string, number>, elections = 0): boolean[] =>
    clusterVerdicts('load', copies, elections).map((verdict) => verdict.holds);
  assert.deepEqual(holds({ '2/3': 9, '3/3': 1 }), [true, true]);
  assert.deepEqual(holds({ '1/3': 1, '3/3': 9 }), [false, true]);
  assert.deepEqual(holds({ '1/2': 9 }), [false, true]);
  assert.deepEqual(holds({}), [false, true]);
  assert.deepEqual(holds({ '3/3': 9 }, 4), [true, false]);
  assert.match(clusterVerdicts('load', { '2/3': 9 }, 4)[1]?.text ?? '', /^load: 4 elections/);
});
