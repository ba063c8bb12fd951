/** Mail from strangers to an address here that leads elsewhere: it leaves in the same commit, as it came. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { expectReply } from '../../../support/smtp-answers.ts';
import { SmtpWorld } from '../../../support/smtp-edge-world.ts';

let world: SmtpWorld;
const signed: string[] = [];
before(async () => {
  world = await SmtpWorld.start({
    sign: (_core, domain) => {
      signed.push(domain);
      return Promise.resolve('DKIM-Signature: x\r\n');
    },
  });
  world.core.address('away@example.org', { type: 'forward', targets: ['me@remote.example'], keepIn: null });
});
after(() => world.stop());
beforeEach(() => {
  world.core.mails.length = 0;
  world.core.left.length = 0;
  world.core.calls.length = 0;
});

const mail = 'From: list@lists.example\r\nBcc: kept@x\r\nMessage-ID: <1@lists.example>\r\n\r\nhi\r\n';

async function send(...to: string[]): Promise<void> {
  const client = await world.client();
  expectReply(await client.ask('MAIL FROM:<sender@lists.example>'), 250);
  for (const each of to) expectReply(await client.ask(`RCPT TO:<${each}>`), 250);
  expectReply(await client.ask('DATA'), 354);
  client.write(`${mail}.\r\n`);
  expectReply(await client.read(), 250);
  client.hangUp();
}

const commits = (): string[] => world.core.calls.filter((call) => /^(?:mailbox|spool|delivery-domain):/.test(call));

void test('forward: to elsewhere alone asks the queue of that domain, and nothing else', async () => {
  await send('away@example.org');
  assert.deepEqual(commits(), ['delivery-domain:remote.example']);
  const [left] = world.core.left;
  assert.equal(Buffer.from(left?.body ?? []).toString(), mail);
  assert.equal(left?.message.envelope.reversePath, 'sender@lists.example');
  const prefix = Buffer.from(left?.message.prefix ?? []).toString();
  assert.match(
    prefix,
    /^Received: from client\.example .*by mx\.example with ESMTP id \w{26}\r\n\tfor <away@example\.org>/s,
  );
  assert.deepEqual(
    [left?.recipients[0]?.orcpt, left?.message.dsn, signed],
    ['rfc822;away@example.org', { ret: null, envelopeId: null }, []],
  );
});

void test('forward: what stays and what leaves is one commit', async () => {
  await send('sent-on@example.org', 'bob@example.org');
  assert.equal(commits().length, 1);
  assert.match(commits()[0] ?? '', /^spool:/);
  assert.deepEqual(
    world.core.mails.map(({ recipient }) => recipient.mailboxId),
    ['m-ann', 'm-bob'],
  );
  assert.doesNotMatch(Buffer.from(world.core.left[0]?.message.prefix ?? []).toString(), /for </);
});

void test('forward: a resend meets its own record', async () => {
  await send('outside@example.org');
  await send('outside@example.org');
  assert.deepEqual([world.core.mails.length, world.core.left.length], [1, 1]);
});
