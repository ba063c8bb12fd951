/** The far end of the outbound benches and drills: what it says it took, it took, and nothing else. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { runLoad } from '../../bench/load/generator.ts';
import { until } from '../../bench/measure/wait.ts';
import { readLedger } from '../../bench/sink/ledger-file.ts';
import type { SinkRule } from '../../bench/sink/rules.ts';
import { Sink } from '../../bench/sink/sink.ts';
import type { SinkMail } from '../../bench/sink/sink-session.ts';
import { startSmtpSink } from '../../bench/sink/smtp-sink.ts';
import { spawnSink } from '../../bench/sink/spawn.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { formatAnswer } from '../support/smtp-answers.ts';
import { deliver } from '../support/smtp-delivery.ts';
import { requiresTool } from '../support/tools.ts';

async function startSink(t: TestContext, rules: readonly SinkRule[] = []): Promise<{ sink: Sink; mails: SinkMail[] }> {
  const mails: SinkMail[] = [];
  const sink = await Sink.start({ rules, onMail: (mail) => mails.push(mail) });
  t.after(() => sink.close());
  return { sink, mails };
}

async function clientOf(t: TestContext, port: number): Promise<SmtpClient> {
  const client = new SmtpClient({ port });
  t.after(() => client.hangUp());
  await client.hello();
  return client;
}

const ann = { from: 'me@a.example', to: ['ann@b.example'] };
const mailBytes = Buffer.from('Message-ID: <1@a>\r\nX-Mail-Number: 7\r\n\r\n..dot\r\n');

void test('sink: a mail is taken once, with its envelope and its header', async (t) => {
  const { sink, mails } = await startSink(t);
  const client = await clientOf(t, sink.port);
  const { outcome } = await deliver(client, ann, mailBytes);
  assert.equal(outcome, 'accepted');
  assert.deepEqual(mails, [{ ...ann, header: 'Message-ID: <1@a>\r\nX-Mail-Number: 7\r\n' }]);
});

void test('sink: pipelined commands, a mail in small pieces and an empty mail are read as they are meant', async (t) => {
  const { sink, mails } = await startSink(t);
  const client = await clientOf(t, sink.port);
  client.write('MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\n');
  for (const code of [250, 250, 354]) assert.match(formatAnswer(await client.read()), new RegExp(`^${code}`));
  for (const piece of [
    'Subject: x\r',
    '\n\r',
    '\nbody\r\n',
    '.',
    '\r',
    '\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n',
  ]) {
    await client.writeAndDrain(Buffer.from(piece));
  }
  for (const code of [250, 250, 250, 354]) assert.match(formatAnswer(await client.read()), new RegExp(`^${code}`));
  assert.match(formatAnswer(await client.ask('.')), /^250/);
  assert.deepEqual(
    mails.map(({ to, header }) => [to.join(), header]),
    [
      ['a@b', 'Subject: x\r\n'],
      ['c@d', ''],
    ],
  );
});

void test('sink: rules refuse, delay and hang up, and only what was taken is counted', async (t) => {
  const { sink, mails } = await startSink(t, [
    { at: 'rcpt', match: '^perm', reply: '550 5.1.1 no such user' },
    { at: 'rcpt', match: '^once', times: 1, reply: '451 4.3.0 later' },
    { at: 'dot', match: '^refused', reply: '554 5.6.0 no' },
    { at: 'dot', match: '^cut', hangsUp: true },
    { at: 'dot', match: '^kept', hangsUp: true, keeps: true },
    { at: 'dot', match: '^late', delayMs: 30 },
  ]);
  const told: string[] = [];
  for (const name of ['perm', 'once', 'once', 'refused', 'cut', 'kept', 'late']) {
    const client = await clientOf(t, sink.port);
    const { outcome, step } = await deliver(client, { from: 'me@a', to: [`${name}@b`] }, mailBytes);
    told.push(`${name} ${step} ${outcome}`);
  }
  assert.deepEqual(told, [
    ...['perm rcpt refused', 'once rcpt refused', 'once dot accepted', 'refused dot refused'],
    ...['cut dot unknown', 'kept dot unknown', 'late dot accepted'],
  ]);
  assert.deepEqual(
    mails.map(({ to }) => to[0]),
    ['once@b', 'kept@b', 'late@b'],
  );
});

void test('sink: its process keeps a ledger, counts, and tells the latency of the load that it got', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'ringpost-sink-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const ledgerPath = join(directory, 'ledger');
  const sink = await spawnSink({ ledgerPath });
  t.after(() => sink.stop());
  const load = { host: '127.0.0.1', port: sink.port, sessions: 2, sizeBytes: 2048, mode: 'open' } as const;
  const plan = { mails: 9, seconds: 1, warmupSeconds: 0, recipients: ['a@b.example'], pick: 'uniform' } as const;
  const result = await runLoad({ ...load, ...plan, perSecond: 500 });
  assert.equal(result.failures, 0, result.failureTexts.join());
  const counts = await sink.counts();
  assert.equal(counts.mails, 9);
  assert.equal(counts.latency.count, 9);
  assert.ok(counts.latency.maxMs > 0 && counts.latency.maxMs < 5000 && counts.lastMs > counts.firstMs);
  assert.equal(new Set(readLedger(ledgerPath).map(({ messageId }) => messageId)).size, 9);
  await sink.reset();
  assert.equal((await sink.counts()).mails, 0);
});

void test('sink: the one of Postfix is counted as ours is', requiresTool('smtp-sink'), async (t) => {
  const sink = await startSmtpSink();
  t.after(() => sink.stop());
  const client = await clientOf(t, sink.port);
  for (let i = 0; i < 3; i++) assert.equal((await deliver(client, ann, mailBytes)).outcome, 'accepted');
  await until('smtp-sink says so', async () => (await sink.counts()).mails === 3, 2000);
  const { firstMs, lastMs } = await sink.counts();
  assert.ok(firstMs > 0 && lastMs > firstMs);
  await sink.reset();
  assert.equal((await sink.counts()).mails, 0);
});
