/** What a bench reads of a node's metrics. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { parseMetrics, sumOf } from '../../bench/measure/prometheus.ts';
import { httpGet } from '../../bench/peers/http-get.ts';
import { countsIn, nodeCounts } from '../../bench/peers/node-counts.ts';

const scrape = [
  '# HELP ringpost_mesh_in_bytes Bytes.',
  '# TYPE ringpost_mesh_in_bytes gauge',
  'ringpost_mesh_in_bytes{lane="control",node="n1"} 700',
  'ringpost_mesh_in_bytes{lane="log",node="n1"} 50',
  'ringpost_mesh_out_bytes{lane="log",node="n1"} 8e3',
  'ringpost_mails_accepted_total{edge="smtp",node="n1"} 40',
  'ringpost_mails_accepted_total{edge="http",node="n1"} 2',
  'ringpost_commit_entries_bucket{le="+Inf",node="n1"} 6',
  'ringpost_commit_entries_sum{node="n1"} 45',
  'ringpost_commit_entries_count{node="n1"} 6',
  '',
].join('\n');

void test('metrics: a sample is a name, labels and a number; comments and what is no sample are passed over', () => {
  const odd = 'a_total{say="x \\"y\\" \\\\ z\\nend",other="1,2"} +Inf 1700000000000\nb 1.5\nc{x="1"}\n{} 3\n';
  const samples = parseMetrics(odd);
  assert.deepEqual(
    samples.map(({ name, labels, value }) => [name, Object.fromEntries(labels), value]),
    [
      ['a_total', { say: 'x "y" \\ z\nend', other: '1,2' }, Number.POSITIVE_INFINITY],
      ['b', {}, 1.5],
    ],
  );
});

void test('metrics: a sum takes all samples with the labels that were asked for, and nothing else', () => {
  const samples = parseMetrics(scrape);
  assert.equal(sumOf(samples, 'ringpost_mesh_in_bytes', { node: 'n1' }), 750);
  assert.equal(sumOf(samples, 'ringpost_mesh_in_bytes', { node: 'n1', lane: 'log' }), 50);
  assert.equal(sumOf(samples, 'ringpost_mesh_in_bytes'), 750);
});

void test('metrics: what is not told is no number, not zero', () => {
  const samples = parseMetrics(scrape);
  assert.ok(Number.isNaN(sumOf(samples, 'ringpost_mesh')));
  assert.ok(Number.isNaN(sumOf(samples, 'ringpost_mesh_in_bytes', { lane: 'sideways' })));
});

void test('counts: mails of all edges, commits with their entries, bytes both ways', () => {
  const counts = { mails: 42, commits: 6, entries: 45, meshBytesIn: 750, meshBytesOut: 8000 };
  assert.deepEqual(countsIn(scrape), counts);
});

void test('counts: a node that took no mail has taken none, and one without a mesh says nothing of it', () => {
  const { mails, meshBytesIn, meshBytesOut } = countsIn('ringpost_commit_entries_sum 0\n');
  assert.deepEqual([mails, meshBytesIn, meshBytesOut], [0, Number.NaN, Number.NaN]);
});

async function serve(t: TestContext, status: number, text: string): Promise<number> {
  const server = createServer((call, answer) => answer.writeHead(call.url === '/metrics' ? status : 404).end(text));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise((done) => server.close(done)));
  return (server.address() as AddressInfo).port;
}

void test('counts: they are read at the HTTP port of the node', async (t) => {
  const port = await serve(t, 200, scrape);
  assert.equal((await nodeCounts('n1', port)).mails, 42);
  assert.equal((await httpGet(port, '/elsewhere'))?.status, 404);
});

void test('counts: a node that does not show them is an error that names it, and nobody at the port is no answer', async (t) => {
  const port = await serve(t, 503, 'starting');
  await assert.rejects(nodeCounts('n2', port), /n2 does not show its metrics: 503/);
  assert.equal(await httpGet(1, '/metrics'), null);
});
