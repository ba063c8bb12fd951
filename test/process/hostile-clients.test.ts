/** Clients that mean no good, or do not know better: an honest one is served all the while. */
import { equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { rssAnonBytes } from '../support/process-memory.ts';
import { listMailbox, prefixOf, showMail, untilListed } from '../support/process-mailboxes.ts';
import type { RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor } from '../support/process-place.ts';
import { expectReply, formatAnswer, isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';

const mebibyte = 1024 * 1024;
const mail = Buffer.from('Subject: honest\r\n\r\ntext\r\n');

async function openData(node: RingpostNode, parameters = ''): Promise<SmtpClient> {
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  expectReply(await client.ask(`MAIL FROM:<bob@remote.example>${parameters}`), 250);
  expectReply(await client.ask(`RCPT TO:<${ann}>`), 250);
  expectReply(await client.ask('DATA'), 354);
  return client;
}

/** One whole session of an honest client from an address of its own. Returns how long it took. */
async function canary(node: RingpostNode): Promise<number> {
  const startMs = systemClock.monotonicMs();
  const client = new SmtpClient({ port: node.smtpPort, localAddress: '127.0.0.99' });
  expectReply(await client.hello(), 250);
  equal((await deliver(client, { from: '', to: [ann] }, mail)).outcome, 'accepted');
  await client.quit();
  return systemClock.monotonicMs() - startMs;
}

void test('flood: a thousand connections of one client are cut back, and another client is served', async (t) => {
  const node = await nodeFor(t, { sets: ['smtp.threads=1', 'smtp.connectionsPerClientMax=50'] });
  const flood = Array.from({ length: 1000 }, () => new SmtpClient({ port: node.smtpPort, localAddress: '127.0.0.66' }));
  t.after(() => flood.forEach((client) => client.hangUp()));
  const times: number[] = [];
  for (let i = 0; i < 20; i++) times.push(await canary(node));
  const greetings = await Promise.all(flood.map((client) => client.read()));
  const greeted = greetings.filter((greeting) => isReply(greeting, 220)).length;
  const refused = greetings.find((greeting) => !isReply(greeting, 220));
  t.diagnostic(`canary ${Math.round(Math.max(...times))} ms at worst; ${greeted} of 1000 let in`);
  ok(greeted <= 50, `${greeted} connections of one client were let in`);
  match(formatAnswer(refused ?? { kind: 'lost', cause: 'none' }), /^421 4\.7\.0 /);
  ok(Math.max(...times) < 5000, `the canary took ${times.join()} ms`);
  equal((await listMailbox(node, ann)).length, 20);
});

void test('silence: a client that says nothing is told so and cut off', async (t) => {
  const node = await nodeFor(t, { sets: ['smtp.idleTimeoutMs=1000'] });
  const silent = new SmtpClient({ port: node.smtpPort });
  expectReply(await silent.hello(), 250);
  match(expectReply(await silent.read(), 421).text, /^421 4\.4\.2 /);
  await silent.over();
  const inData = await openData(node);
  const answer = await inData.read();
  ok(answer.kind === 'lost' || answer.code === 421, formatAnswer(answer));
  await inData.over();
});

void test('slow drip: a DATA below the least rate is cut off though it never falls silent', async (t) => {
  const node = await nodeFor(t, { sets: ['smtp.idleTimeoutMs=2000', 'smtp.dataRateMinBytesPerS=1000'] });
  const client = await openData(node);
  const startMs = systemClock.monotonicMs();
  const drip = async (): Promise<boolean> => {
    await client.writeAndDrain(Buffer.from('x'));
    return client.isOver;
  };
  await until('the dripping client is cut off', drip, 60_000);
  t.diagnostic(`cut off after ${Math.round(systemClock.monotonicMs() - startMs)} ms`);
  await canary(node);
});

void test('size: too large is 552 at MAIL when it is said, and after DATA when SIZE was a lie', async (t) => {
  const node = await nodeFor(t, { sets: [`limits.messageBytesMax=${mebibyte}`] });
  const honest = new SmtpClient({ port: node.smtpPort });
  match(expectReply(await honest.hello(), 250).text, new RegExp(`SIZE ${mebibyte}\\b`));
  match(expectReply(await honest.ask(`MAIL FROM:<a@b.example> SIZE=${mebibyte + 1}`), 552).text, /^552 5\.3\.4 /);
  const large = Buffer.concat([
    Buffer.from('Subject: large\r\n\r\n'),
    Buffer.alloc(1.5 * mebibyte, 'line of text..\r\n'),
  ]);
  const liar = await deliver(honest, { from: '', to: [ann] }, large, { parameters: ' SIZE=100' });
  match(formatAnswer(liar.answer), /^552 5\.3\.4 /);
  equal((await deliver(honest, { from: '', to: [ann] }, mail)).outcome, 'accepted', 'the session goes on');
  await honest.quit();
  equal((await listMailbox(node, ann)).length, 1);
});

void test('endless line: a command or a mail without line ends costs bounded memory', async (t) => {
  const node = await nodeFor(t, { sets: ['smtp.threads=1'] });
  await canary(node);
  const beforeBytes = rssAnonBytes(node.pid);
  const chunk = Buffer.alloc(mebibyte, 'x');
  const shouter = new SmtpClient({ port: node.smtpPort });
  expectReply(await shouter.hello(), 250);
  const writer = await openData(node);
  for (const client of [shouter, writer]) {
    for (let i = 0; i < 64 && !client.isOver; i++) await client.writeAndDrain(chunk);
  }
  const grownBytes = rssAnonBytes(node.pid) - beforeBytes;
  t.diagnostic(`64 MiB without a line end: ${Math.round(grownBytes / 1024 / 1024)} MiB more memory`);
  // A mail may take up to limits.messageBytesMax (35 MiB) while it comes in; nothing more.
  ok(grownBytes < 5 * 35 * mebibyte, `${grownBytes} bytes more`);
  shouter.hangUp();
  writer.hangUp();
  await canary(node);
});

void test('broken mail: hostile headers and broken MIME are stored byte for byte', async (t) => {
  const node = await nodeFor(t);
  const broken = [
    'no header at all\r\n',
    '\r\nbody without header\r\n',
    `Subject: ${'=?utf-8?B?'.repeat(2000)}\r\nMessage-ID: <<>>>\r\nFrom: ${'('.repeat(5000)}\r\n\r\nx\r\n`,
    `Content-Type: multipart/mixed; boundary="${'b'.repeat(200)}\r\nContent-Type: text/plain\r\n\r\n--b\r\n--b--\r\n`,
    `${'X-Many: field\r\n'.repeat(3000)}\r\nbody\r\n`,
    `Subject: \x01\x7f\x80\xff nul-free control\r\n\tfolded\r\n \r\n\r\n${'\r\n'.repeat(1000)}`,
  ].map((text) => Buffer.from(text, 'latin1'));
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  const kept: Buffer[] = [];
  for (const bytes of broken) {
    const { outcome, answer } = await deliver(client, { from: '', to: [ann] }, bytes, { parameters: ' BODY=8BITMIME' });
    ok(answer.kind === 'reply', 'each mail is answered');
    if (outcome === 'accepted') kept.push(bytes);
  }
  await client.quit();
  ok(kept.length >= 5, `${kept.length} of ${broken.length} were taken`);
  const mails = await untilListed(node, ann, kept.length);
  for (const [i, bytes] of kept.entries()) prefixOf(await showMail(node, ann, mails[i]?.uid ?? 0), bytes);
});
