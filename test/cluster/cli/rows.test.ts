import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../support/fake-clock.ts';
import { allNouns, allRows, emptyDirectory, say, serveInspections } from './cli-world.ts';
import { sample } from './sample-report.ts';

void test('every subcommand has a permission, a summary, examples and a noun that help explains', async () => {
  const names = allRows.map((row) => row.name);
  assert.deepEqual(names, [...new Set(names)]);
  for (const row of allRows) {
    assert.match(row.permission, /^[a-z]+(?:[A-Z][a-z]+)*\.(?:read|write|run)$/, row.name);
    assert.match(row.summary, /^[A-Z].*[^.]$/, row.name);
    for (const example of row.examples) assert.ok(example.startsWith(`ringpost ${row.name}`), example);
    const [noun = '', verb] = row.name.split(' ');
    if (verb !== undefined) assert.ok(allNouns.has(noun), noun);
    const help = await say([...row.name.split(' '), '--help']);
    assert.equal(help.status, 0, row.name);
    assert.ok(help.out.includes(row.summary), row.name);
  }
});

void test('each screen of the cluster is printed for people and as JSON', async (t) => {
  const data = emptyDirectory(t);
  await serveInspections(t, data, (topic) => (topic === 'cluster' ? sample({ nodes: 'n1 n2 n3' }) : null));
  for (const [screen, first] of [
    ['status', /^cluster cl1 · 3 of 3 nodes alive · all is well\n/],
    ['members', /^NODE +STATE/],
    ['shards', /^6 shards: 6 ok\n/],
    ['leaders', /^6 of 6 shards are led/],
  ] as const) {
    const said = await say(['cluster', screen, '--data', data]);
    assert.deepEqual([said.status, said.err], [0, '']);
    assert.match(said.out, first);
    const json: unknown = JSON.parse((await say(['cluster', screen, '--json', '--data', data])).out);
    assert.equal(Array.isArray(json), screen !== 'status');
  }
  assert.match((await say(['cluster', 'shards', '--all', '--data', data])).out, /^SHARD +LEADER/m);
});

void test('without a node the screens say so, with the cure', async (t) => {
  const data = emptyDirectory(t);
  const said = await say(['cluster', 'status', '--data', data]);
  assert.equal(said.status, 1);
  assert.match(said.err, /ringpost start --data .*\[notRunning\]/);
});

void test('watch draws the status again each second, also while the node is away', async (t) => {
  const data = emptyDirectory(t);
  const clock = new FakeClock();
  let reads = 0;
  const api = await serveInspections(t, data, () => {
    reads++;
    return sample({ nodes: 'n1' });
  });
  const watching = say(['cluster', 'watch', '--times', '3', '--json', '--data', data], { clock });
  const asked = async (isThere: () => boolean): Promise<void> => {
    while (!isThere()) await new Promise((resolve) => setImmediate(resolve));
  };
  await asked(() => reads === 1 && clock.alarms > 0);
  clock.advance(1_000);
  await asked(() => reads === 2 && clock.alarms > 0);
  await api.stop();
  clock.advance(1_000);
  const { status, out } = await watching;
  assert.equal(status, 0);
  const frames = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    frames.map((frame) => frame.self ?? frame.error.code),
    ['n1', 'n1', 'notRunning'],
  );
});

void test('watch clears a terminal, and nothing else', async (t) => {
  const data = emptyDirectory(t);
  await serveInspections(t, data, () => sample({ nodes: 'n1' }));
  const words = ['cluster', 'watch', '--times', '1', '--data', data];
  assert.ok((await say(words, { isTerminal: true })).out.startsWith('\x1b[H\x1b[2Jcluster cl1'));
  assert.ok((await say(words)).out.startsWith('cluster cl1'));
  assert.equal((await say(['cluster', 'watch', '--times', '0', '--data', data])).status, 2);
});
