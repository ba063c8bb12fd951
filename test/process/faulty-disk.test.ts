/** A disk that is slow or lies broken: strace between the node and the kernel's fdatasync. */
import { equal, match, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { untilListed } from '../support/process-mailboxes.ts';
import { formatExit, type RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor, ownedBy, tempDir } from '../support/process-place.ts';
import { failingSync, slowSync, tracedCalls } from '../support/process-strace.ts';
import { expectReply, isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';
import { requiresTool } from '../support/tools.ts';

const numbered = (n: number): Buffer =>
  Buffer.from(`Subject: no. ${n}\r\nMessage-ID: <${n}@client.example>\r\n\r\ntext ${n}\r\n`);

async function helloTo(node: RingpostNode): Promise<SmtpClient> {
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  return client;
}

/** A data directory with an account, started again under `wrapper`. */
async function nodeUnder(t: TestContext, wrapper: readonly string[]): Promise<RingpostNode> {
  const first = await nodeFor(t);
  equal((await first.stop()).code, 0, first.lastWords);
  return ownedBy(t, await first.restart({ wrapper }));
}

void test('slow disk: 250 comes no earlier than the disk has the mail', requiresTool('strace'), async (t) => {
  const delayMs = 1000;
  const node = await nodeUnder(t, slowSync(delayMs));
  const client = await helloTo(node);
  const startMs = systemClock.monotonicMs();
  equal((await deliver(client, { from: '', to: [ann] }, numbered(1))).outcome, 'accepted');
  const tookMs = systemClock.monotonicMs() - startMs;
  t.diagnostic(`250 after ${Math.round(tookMs)} ms with every fdatasync ${delayMs} ms late`);
  ok(tookMs >= delayMs, `250 came after ${tookMs} ms, before the disk could have it`);
  await client.quit();
});

void test('slow disk: a mail that waits for its sync is in no list yet', requiresTool('strace'), async (t) => {
  const node = await nodeUnder(t, slowSync(3000));
  const client = await helloTo(node);
  const answered = new Set<string>();
  const sent = deliver(client, { from: '', to: [ann] }, numbered(1)).then(({ outcome }) => answered.add(outcome));
  // As long as there is no 250, nobody may see the mail: what is not durable may be gone after the next power loss.
  let looks = 0;
  while (answered.size === 0) {
    const listed = JSON.parse(
      (await node.cli(['mailbox', 'list', ann, '--json'])).stdout.toString('utf8'),
    ) as unknown[];
    if (answered.size > 0) break;
    looks++;
    equal(listed.length, 0, 'the mail was shown before it was durable');
  }
  equal([...(await sent)].join(), 'accepted');
  ok(looks > 0, 'there was time to look');
  await untilListed(node, ann, 1);
  await client.quit();
});

void test(
  'broken disk: a failed sync ends the node, and every 250 before is kept',
  requiresTool('strace'),
  async (t) => {
    const node = await nodeUnder(t, failingSync(40));
    const client = await helloTo(node);
    const accepted: number[] = [];
    let outcome = 'accepted';
    for (let n = 1; outcome === 'accepted' && n < 500; n++) {
      const delivery = await deliver(client, { from: '', to: [ann] }, numbered(n));
      outcome = delivery.outcome;
      if (outcome === 'accepted') accepted.push(n);
      else ok(!isReply(delivery.answer, 250, 550, 554), 'what could not be written is not refused for good');
    }
    notEqual(outcome, 'accepted', 'the disk did break');
    const exit = await node.ended(20_000);
    equal(exit.signal, null, formatExit(exit));
    ok(exit.code !== 0, formatExit(exit));
    match(node.lastWords, /durable|disk/i);
    t.diagnostic(`${accepted.length} accepted, then ${outcome}; the node: ${formatExit(exit)}`);
    const again = ownedBy(t, await node.restart({ wrapper: [] }));
    const listed = new Set(
      (await untilListed(again, ann, accepted.length)).map(({ messageId }) =>
        Number.parseInt(messageId.replace('<', ''), 10),
      ),
    );
    equal(accepted.filter((n) => !listed.has(n)).join(), '');
  },
);

void test(
  'disk: each 250 has an fdatasync of the journal between DATA and itself',
  requiresTool('strace'),
  async (t) => {
    const log = join(tempDir(t), 'calls');
    const node = await nodeUnder(t, tracedCalls(['fdatasync', 'fsync', 'msync'], log));
    const client = await helloTo(node);
    for (let n = 1; n <= 5; n++) {
      const startS = systemClock.nowMs() / 1000;
      equal((await deliver(client, { from: '', to: [ann] }, numbered(n))).outcome, 'accepted');
      const endS = systemClock.nowMs() / 1000;
      const isSynced = (): boolean => syncTimes(log).some((at) => at >= startS && at <= endS);
      await until(`a sync between ${startS} and ${endS} in\n${readFileSync(log, 'utf8')}`, isSynced, 5000);
    }
    await client.quit();
  },
);

/** Seconds since 1970 at which the journal was synced. Lines: `PID 1790000000.123456 fdatasync(18</…/journal-1>) = 0`. */
function syncTimes(log: string): number[] {
  const calls = readFileSync(log, 'utf8').matchAll(/(\d+\.\d+) (?:fdatasync|fsync|msync)\(.*/g);
  return [...calls].filter(([line]) => line.includes('/journal-')).map(([, at]) => Number(at));
}
