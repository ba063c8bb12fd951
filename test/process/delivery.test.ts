/** The first five minutes: `quickstart`, a mail by a tool that everybody has, and the mail read back. */
import { equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { expectDone, runCommand } from '../support/process-command.ts';
import { addAccount, addAlias, listMailbox, prefixOf, showMail, untilListed } from '../support/process-mailboxes.ts';
import { RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor, ownedBy, tempDir } from '../support/process-place.ts';
import { expectReply, isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { deliver } from '../support/smtp-delivery.ts';
import { requiresTool } from '../support/tools.ts';

const awkwardMail = Buffer.concat([
  Buffer.from('Subject: =?utf-8?Q?caf=C3=A9?=\r\nMessage-ID: <awkward@client.example>\r\nX-Odd:no blank\r\n\r\n'),
  Buffer.from('.\r\n..\r\n.hidden\r\n\r\n  blanks at the end  \r\n8 bit: \xe9\xff\r\n', 'latin1'),
]);

void test('quickstart: swaks delivers to the account that it made', requiresTool('swaks'), async (t) => {
  const node = await nodeFor(t);
  const words = ['--server', `127.0.0.1:${node.smtpPort}`, '--from', 'bob@remote.example', '--to', ann];
  const result = await runCommand('swaks', [...words, '--header', 'Subject: from swaks']);
  equal(result.status, 0, result.stdout.toString('utf8'));
  match(result.stdout.toString('utf8'), /250 2\.0\.0 Ok id=\S+ copies=1\/1/);
  const [mail] = await untilListed(node, ann, 1);
  equal(mail?.subject, 'from swaks');
  equal(mail?.folder, 'INBOX');
});

void test(
  'quickstart: each line that it prints for sending a mail works as it is',
  requiresTool('curl', 'python3', 'swaks'),
  async (t) => {
    const node = await nodeFor(t);
    await until('it says what to try', () => node.log.includes('set relay HOST:PORT'), 10_000);
    const lines = node.log.split('\n').filter((line) => /^ {2}(?:swaks|python3|echo|curl) /.test(line));
    equal(lines.length, 4);
    for (const line of lines) {
      const { status, stdout, stderr } = await runCommand('sh', ['-ec', line]);
      equal(status, 0, `${line}\n${stdout.toString('utf8')}${stderr}`);
    }
    await untilListed(node, ann, lines.length);
  },
);

void test('quickstart: a node that says it is ready does not refuse its own account', async (t) => {
  const dataDir = join(tempDir(t), 'node');
  const node = ownedBy(t, await RingpostNode.start({ dataDir, words: ['quickstart', ann] }));
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  expectReply(await client.ask('MAIL FROM:<bob@remote.example>'), 250);
  expectReply(await client.ask(`RCPT TO:<${ann}>`), 250);
  await client.quit();
});

void test('quickstart: swaks delivers over STARTTLS', requiresTool('swaks'), async (t) => {
  const node = await nodeFor(t);
  const words = ['--server', `127.0.0.1:${node.smtpPort}`, '--from', 'bob@remote.example', '--to', ann, '--tls'];
  const result = await runCommand('swaks', words);
  equal(result.status, 0, result.stdout.toString('utf8'));
  await untilListed(node, ann, 1);
});

void test(
  'quickstart: Python delivers, and the mail is given back byte for byte',
  requiresTool('python3'),
  async (t) => {
    const node = await nodeFor(t);
    const file = join(tempDir(t), 'mail');
    writeFileSync(file, awkwardMail);
    const script = [
      'import smtplib, sys',
      `client = smtplib.SMTP("127.0.0.1", ${node.smtpPort})`,
      `client.sendmail("bob@remote.example", ["${ann}"], open(sys.argv[1], "rb").read(), ["BODY=8BITMIME"])`,
      'client.quit()',
    ].join('\n');
    expectDone(await runCommand('python3', ['-c', script, file]), 'smtplib');
    const [mail] = await untilListed(node, ann, 1);
    ok(mail);
    equal(mail.messageId.replace(/^<|>$/g, ''), 'awkward@client.example');
    const stored = await showMail(node, ann, mail.uid);
    const prefix = prefixOf(stored, awkwardMail);
    equal(mail.size, stored.length);
    match(prefix, /^Return-Path: <bob@remote\.example>\r\n/);
    match(prefix, /^Received: from \S+.*\r\n(?:\s.*\r\n)*\s.*\bfor <ann@example\.org>/m);
  },
);

void test('delivery: an unknown recipient gets 550 and relaying is refused, nothing is kept', async (t) => {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  expectReply(await client.ask('MAIL FROM:<bob@remote.example>'), 250);
  match(expectReply(await client.ask('RCPT TO:<nobody@example.org>'), 550).text, /^550 5\.1\.1 /);
  match(expectReply(await client.ask('RCPT TO:<carol@elsewhere.example>'), 550, 554, 551).text, /^55\d 5\.7\.1 /);
  ok(!isReply(await client.ask('DATA'), 354), 'DATA without a recipient is refused');
  await client.quit();
  equal((await listMailbox(node, ann)).length, 0);
});

void test('delivery: three recipients, one of them an alias, get one copy each', async (t) => {
  const node = await nodeFor(t);
  await addAccount(node, 'ben@example.org');
  await addAccount(node, 'cid@example.org');
  await addAlias(node, 'team@example.org', 'cid@example.org');
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  const to = [ann, 'ben@example.org', 'team@example.org', 'cid@example.org'];
  const delivery = await deliver(client, { from: '', to }, awkwardMail);
  equal(delivery.outcome, 'accepted');
  await client.quit();
  for (const address of [ann, 'ben@example.org', 'cid@example.org']) {
    const mails = await untilListed(node, address, 1);
    equal(mails.length, 1, `${address} has one copy`);
    prefixOf(await showMail(node, address, mails[0]?.uid ?? 0), awkwardMail);
  }
});

void test('delivery: trace tells the story of a mail, by its id and by its address', async (t) => {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  const { answer } = await deliver(client, { from: 'bob@remote.example', to: [ann] }, awkwardMail);
  await client.quit();
  const id = /id=(\S+)/.exec(expectReply(answer, 250).text)?.[1] ?? '';
  for (const key of [id, ann]) {
    const story = expectDone(await node.cli(['trace', key]), `trace ${key}`).toString('utf8');
    match(story, /accepted|delivered/i);
    ok(story.includes(id), `the story names the mail: ${story}`);
  }
});

void test('delivery: a mail is still there after SIGTERM and a new start, under the same UID', async (t) => {
  const node = await nodeFor(t);
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  equal((await deliver(client, { from: '', to: [ann] }, awkwardMail)).outcome, 'accepted');
  await client.quit();
  const before = await listMailbox(node, ann);
  equal((await node.stop()).code, 0, node.lastWords);
  const again = ownedBy(t, await node.restart());
  equal(JSON.stringify(await listMailbox(again, ann)), JSON.stringify(before));
  prefixOf(await showMail(again, ann, before[0]?.uid ?? 0), awkwardMail);
});
