/** A node that must not start says why and what cures it, with status 1 or 2; it never goes on with bad state. */
import { equal, match, ok, rejects } from 'node:assert/strict';
import { closeSync, copyFileSync, ftruncateSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { dataFileOf } from '../support/process-damage.ts';
import { listMailbox } from '../support/process-mailboxes.ts';
import { formatExit, type NodeSpec, RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor, ownedBy, tempDir } from '../support/process-place.ts';
import { expectReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

/** Starts, expects an end with `code`, and returns what was said. */
async function refusalOf(t: TestContext, spec: NodeSpec, code: number): Promise<string> {
  const before = logSize(spec.dataDir);
  const node = ownedBy(t, await RingpostNode.spawn(spec));
  await rejects(node.ready(), /the node does not start/, 'it serves all the same');
  const exit = await node.ended();
  const said = node.log.slice(before);
  equal(exit.code, code, `${formatExit(exit)}\n${said}`);
  ok(!/^\s+at .*\(.*:\d+:\d+\)$/m.test(said), `an operator is not shown a stack: ${said}`);
  return said;
}

function logSize(dataDir: string): number {
  try {
    return readFileSync(`${dataDir}.log`, 'utf8').length;
  } catch {
    return 0;
  }
}

/** A stopped node that holds one mail. */
async function stoppedNode(t: TestContext): Promise<RingpostNode> {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  const mail = Buffer.from('Subject: kept\r\nMessage-ID: <kept@client.example>\r\n\r\ntext\r\n');
  equal((await deliver(client, { from: '', to: [ann] }, mail)).outcome, 'accepted');
  await client.quit();
  equal((await node.stop()).code, 0, node.lastWords);
  return node;
}

void test('start: a second node on the same data directory is refused, with the cure, and harms nothing', async (t) => {
  const node = await nodeFor(t);
  const said = await refusalOf(t, { dataDir: node.spec.dataDir, words: ['start'] }, 1);
  match(said, /in use by/);
  match(said, /Stop that node first|data directory of its own/);
  equal((await listMailbox(node, ann)).length, 0, 'the first one still answers');
});

void test('start: an unknown key and a bad value are wrong, by name', async (t) => {
  const dataDir = join(tempDir(t), 'node');
  const words = ['quickstart', ann];
  const unknownKey = await refusalOf(t, { dataDir, words, sets: ['smtp.listne=127.0.0.1:1'] }, 1);
  match(unknownKey, /smtp\.listne/);
  match(unknownKey, /smtp\.listen/, 'it names the nearest key');
  match(await refusalOf(t, { dataDir, words, sets: ['smtp.threads=many'] }, 1), /smtp\.threads/);
});

void test('start: an unknown key in the configuration file is refused, by name', async (t) => {
  const dataDir = join(tempDir(t), 'node');
  const file = `${dataDir}.toml`;
  writeFileSync(file, 'hostname = "mx.example.org"\n[smtp]\nthreds = 2\n');
  const said = await refusalOf(t, { dataDir, words: ['quickstart', ann, '--config', file] }, 1);
  match(said, /smtp\.threds/);
  match(said, /smtp\.threads/, 'it names the nearest key');
});

void test('start: garbage in place of the data file is refused', async (t) => {
  const node = await stoppedNode(t);
  writeFileSync(dataFileOf(node), Buffer.alloc(1 << 20, 'garbage '));
  match(await refusalOf(t, { ...node.spec, words: ['start'] }, 1), /damaged|not a|no .*data/i);
});

void test('start: a truncated data file is refused', async (t) => {
  const node = await stoppedNode(t);
  const file = openSync(dataFileOf(node), 'r+');
  ftruncateSync(file, Math.floor(statSync(dataFileOf(node)).size / 2));
  closeSync(file);
  match(await refusalOf(t, { ...node.spec, words: ['start'] }, 1), /damaged|shorter|truncated/i);
});

void test('start: an empty data file is refused', async (t) => {
  const node = await stoppedNode(t);
  writeFileSync(dataFileOf(node), '');
  match(await refusalOf(t, { ...node.spec, words: ['start'] }, 1), /damaged|empty/i);
});

void test("start: another node's data file is refused", async (t) => {
  const node = await stoppedNode(t);
  const other = await stoppedNode(t);
  copyFileSync(dataFileOf(other), dataFileOf(node));
  match(await refusalOf(t, { ...node.spec, words: ['start'] }, 1), /not this node's|foreign|another node/i);
});

void test('start: an address that is in use is refused, by key and with the cure', async (t) => {
  const node = await nodeFor(t);
  const dataDir = join(tempDir(t), 'node');
  const smtp = await refusalOf(t, { dataDir, words: ['start'], smtpPort: node.smtpPort }, 1);
  match(
    smtp,
    new RegExp(`ringpost: smtp\\.listen: 127\\.0\\.0\\.1:${node.smtpPort} is in use .* --set smtp\\.listen=`),
  );
  // Workers that share a port would share it with another node's too.
  const shared = { dataDir, words: ['start'], smtpPort: node.smtpPort, sets: ['smtp.threads=2'] };
  match(await refusalOf(t, shared, 1), /smtp\.listen: .* is in use/);
});

void test('start: SIGTERM while it starts ends it with status 0, and the next start goes on', async (t) => {
  const spec = { dataDir: join(tempDir(t), 'node') };
  const node = ownedBy(t, await RingpostNode.spawn(spec));
  await until('the first stage is up', () => node.log.includes('stage core is up'), 25_000);
  node.signal('SIGTERM');
  equal((await node.ended()).code, 0, node.lastWords);
  ownedBy(t, await node.restart());
});
