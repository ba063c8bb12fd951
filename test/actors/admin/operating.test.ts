import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { quickstart } from '../../../actors/admin/quickstart.ts';
import type { NodeStatus } from '../../../actors/admin/status.ts';
import { tryLater } from '../../../runtime/base/errors.ts';
import { type AdminWorld, adminWorld, say } from './admin-world.ts';

const status: NodeStatus = {
  node: 'n1',
  version: '0.1.0',
  dataDirectory: 'somewhere',
  startedAtMs: 1_700_000_000_000,
  shards: 8,
  store: { sizeBytes: 10_485_760, freeBytes: 1_073_741_824 },
  sessions: 3,
  accepted: 1_234,
  refused: 5,
  pending: 0,
  deadLetters: 1,
  problems: [{ what: 'one dead letter waits', cure: 'ringpost dead-letters list' }],
};

void describe('status, settings, dead letters, quick start', () => {
  let world: AdminWorld;
  const acted: unknown[] = [];
  before(async () => {
    world = await adminWorld({
      status: () => status,
      deadLetters: () => [
        {
          shard: 3,
          index: 17,
          atMs: 1_700_000_000_000,
          error: { code: 'internal', transient: true, text: 'internal error' },
          notice: { kind: 'mailbox', key: 'm1', notice: { kind: 'deliver' } },
        },
      ],
      retryDeadLetter: (argument) => void acted.push(['retry', argument]),
      dropDeadLetter: (argument) => void acted.push(['drop', argument]),
    });
  });
  after(() => world.stop());

  void test('status fits one screen and says what is wrong and what to do', async () => {
    const { text } = await world.cli(['status']);
    assert.match(text, /^n1 · Ringpost 0\.1\.0 · 1 problem\n/);
    assert.match(text, /1,234 accepted · 5 refused · 0 pending/);
    assert.match(text, /size 10\.0 MiB · free 1\.0 GiB/);
    assert.match(text, /! one dead letter waits\n {2}cure: ringpost dead-letters list\n$/);
    assert.ok(text.split('\n').length <= 24);
    const json = await world.json(['status']);
    assert.equal(json.startedAt, '2023-11-14T22:13:20.000Z');
    assert.equal(json.pending, 0);
  });

  void test('status has the lines of the cluster, its problems, and a queue that is not known when shards have no leader', async (t) => {
    const stopped = await adminWorld({
      status: () => status,
      clusterSummary: () => ({
        lines: ['1 of 3 nodes alive', 'shards with three copies: 0 of 8'],
        problems: [{ what: 'n2 dead since 14:03:07Z', cure: 'start it again' }],
      }),
      actors: () => {
        throw tryLater('listIncomplete', 'the list would not be whole');
      },
    });
    t.after(() => stopped.stop());
    const { text, status: exit } = await stopped.cli(['status']);
    assert.equal(exit, 0);
    assert.match(text, /^n1 · Ringpost 0\.1\.0 · 2 problems\n/);
    assert.match(text, /^ {2}cluster +1 of 3 nodes alive\n +shards with three copies: 0 of 8\n/m);
    assert.match(text, /^ {2}queue +not known now/m);
    assert.match(text, /! n2 dead since 14:03:07Z\n {2}cure: start it again\n$/);
    assert.doesNotMatch(text, /^ {2}shards /m);
    assert.equal((await stopped.json(['status'])).queue, null);
  });

  void test('without a node on the directory it says so, with the cure', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'ringpost-empty-'));
    const said = await say(['status', '--data', empty]);
    assert.equal(said.status, 1);
    assert.match(said.err, new RegExp(`Cure: ringpost start --data ${empty}.*\\[notRunning\\]`));
    const json = await say(['status', '--json', '--data', empty]);
    assert.equal(JSON.parse(json.err).error.code, 'notRunning');
    await rm(empty, { recursive: true });
  });

  void test('a setting is shown, changed, remembered and given back', async () => {
    assert.equal((await world.cli(['get', 'smtp.hopsMax'])).text, '100\n');
    assert.match((await world.cli(['set', 'smtp.hopsMax', '50'])).text, /smtp\.hopsMax = 50 \(before: the default\)/);
    assert.equal((await world.cli(['get', 'smtp.hopsMax'])).text, '50\n');
    assert.equal((await world.json(['settings', '--history']))[0].key, 'smtp.hopsMax');
    await world.json(['set', 'smtp.hopsMax', '--default']);
    assert.match((await world.cli(['settings'])).text, /smtp\.hopsMax\s+100\s+\(default\)/);
    assert.match((await world.cli(['set', 'smtp.hopMax', '50'])).err, /smtp\.hopsMax/);
    assert.match((await world.cli(['get', 'smtp.hopMax'])).err, /did you mean smtp\.hopsMax\?/);
    assert.equal((await world.cli(['set', 'smtp.hopsMax'])).status, 2);
  });

  void test('dead letters are listed, retried and dropped by id', async () => {
    assert.match((await world.cli(['dead-letters', 'list'])).text, /3\.17\s+2023-11-14T22:13:20\.000Z\s+mailbox m1/);
    await world.json(['dead-letters', 'retry', '3.17']);
    await world.json(['dead-letters', 'drop', '--all']);
    assert.deepEqual(acted, [
      ['retry', { shard: 3, index: 17 }],
      ['drop', { shard: 3, index: 17 }],
    ]);
    assert.equal((await world.cli(['dead-letters', 'retry', 'x'])).status, 2);
    assert.equal((await world.cli(['dead-letters', 'drop'])).status, 2);
  });

  void test('the quick start makes an account once, and shows its password once', async () => {
    const smtp = { host: '0.0.0.0', port: 2525 };
    const http = { host: '::1', port: 8025, tls: 'none' };
    const options = { address: null, smtp, http, dataDirectory: './data', program: 'npx ringpost' };
    const first = await quickstart(world.context, options);
    assert.equal(first.address, 'you@localhost.localdomain');
    assert.ok(first.password !== null && first.text.includes(first.password));
    assert.match(first.text, /swaks --server 127\.0\.0\.1:2525 --to you@localhost\.localdomain/);
    assert.match(first.text, /npx ringpost mailbox list you@localhost\.localdomain\n/);
    const you = 'you@localhost.localdomain';
    assert.ok(
      first.text.includes(
        `  curl --user ${you}:${first.password} --json '{"from":"${you}","to":"${you}","subject":"hello","text":"It works."}' http://[::1]:8025/v1/messages\n`,
      ),
    );
    assert.ok(
      first.text.includes(`  echo 'It works.' | npx ringpost send --from ${you} --to ${you} --subject hello\n`),
    );
    assert.match(first.text, /npx ringpost set relay HOST:PORT\n/);
    const second = await quickstart(world.context, { ...options, dataDirectory: "it's here" });
    assert.equal(second.password, null);
    assert.match(second.text, /npx ringpost account passwd you@localhost\.localdomain --data 'it'\\''s here'/);
    assert.match(second.text, /curl --user you@localhost\.localdomain --json/, 'curl asks for the password then');
    assert.doesNotMatch((await quickstart(world.context, { ...options, http: null })).text, /curl/);
  });
});
