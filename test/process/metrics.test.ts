/** What Prometheus sees of mail that comes in and goes out: the counts of the threads, and the queues of the core. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { startRemote } from '../support/courier-remote.ts';
import { expectDone } from '../support/process-command.ts';
import { nodeStatus } from '../support/process-mailboxes.ts';
import type { RingpostNode } from '../support/process-node.ts';
import { ann, atEnd, nodeFor, ownedBy } from '../support/process-place.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

async function scrape(node: RingpostNode): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${node.httpPort}/metrics`);
  equal(answer.status, 200);
  return await answer.text();
}

/** Scrapes until the metric has this value; its labels as they stand, without the node's. */
async function untilShown(node: RingpostNode, metric: string, value: number): Promise<string> {
  let text = '';
  const isShown = async (): Promise<boolean> => {
    text = await scrape(node);
    const lines = text.split('\n').map((line) => line.replace(/,?node="\w+"/, '').replace('{}', ''));
    return lines.includes(`${metric} ${value}`);
  };
  await until(`${metric} is ${value}`, isShown, 15_000).catch((error: unknown) => {
    const family = text.split('\n').filter((line) => line.startsWith(metric.split('{', 1)[0]!));
    throw new Error([String(error), ...family].join('\n'));
  });
  return text;
}

async function send(node: RingpostNode, to: string): Promise<void> {
  const words = ['send', '--from', ann, '--to', to, '--subject', 'hello'];
  expectDone(await node.cli(words, 'hello\n'), words.join(' '));
}

async function world(t: TestContext): Promise<RingpostNode> {
  const remote = await startRemote({ RCPT: ['451 4.7.1 later', '250 ok', '550 5.1.1 who is that?'] });
  atEnd(t, () => remote.stop());
  const route = `routes.there.example=127.0.0.1:${remote.port}`;
  return await nodeFor(t, { sets: [route, 'queue.retry=100ms'] });
}

void test('metrics: a mail that is deferred and then delivered, one that fails, and one that waits, also after a kill', async (t) => {
  const node = await world(t);
  await send(node, 'bob@there.example');
  const text = await untilShown(node, 'ringpost_attempts_total{outcome="delivered"}', 1);
  match(text, /^ringpost_attempts_total\{outcome="deferred",node="\w+"\} 1$/m);
  match(text, /^ringpost_deferrals_total\{reason="451 4\.7\.1",node="\w+"\} 1$/m);
  match(text, /^ringpost_outbound_seconds_bucket\{le="60",node="\w+"\} 1$/m);
  match(text, /^ringpost_attempt_seconds_count\{node="\w+"\} 2$/m);
  await send(node, 'eve@there.example');
  await untilShown(node, 'ringpost_reports_total{kind="failure"}', 1);
  const emptied = await untilShown(node, 'ringpost_queue_mails{state="queued"}', 0);
  match(emptied, /^ringpost_attempts_total\{outcome="failed",node="\w+"\} 1$/m);
  expectDone(await node.cli(['queue', 'pause', 'there.example']), 'pause');
  await send(node, 'bob@there.example');
  await untilShown(node, 'ringpost_queue_domain_mails{domain="there.example"}', 1);
  await node.kill();
  const again = ownedBy(t, await node.restart());
  const walked = await untilShown(again, 'ringpost_queue_mails{state="queued"}', 1);
  match(walked, /^ringpost_queue_domains\{node="\w+"\} 1$/m);
  match(walked, /^ringpost_queue_oldest_seconds\{node="\w+"\} [\d.]+$/m);
  await untilShown(again, 'ringpost_queue_complete', 1);
});

void test('metrics: a mail that is taken and a recipient that is refused; `status` says the same', async (t) => {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  await client.hello();
  await deliver(client, { from: '', to: [ann] }, Buffer.from('Subject: in\r\n\r\nhello\r\n'));
  await client.ask('MAIL FROM:<bob@remote.example>');
  await client.ask('RCPT TO:<nobody@example.org>');
  const text = await untilShown(node, 'ringpost_mails_accepted_total{edge="smtp"}', 1);
  match(text, /^ringpost_mails_refused_total\{reason="550 5\.1\.1",node="\w+"\} 1$/m);
  match(text, /^ringpost_delivery_seconds_count\{node="\w+"\} 1$/m);
  match(text, /^ringpost_sessions\{node="\w+"\} 1$/m);
  const { accepted, refused, sessions } = await nodeStatus(node);
  deepEqual([accepted, refused, sessions], [1, 1, 1]);
  await client.quit();
});
