/** What the core answers, and what the client hears: a mail is accepted, refused or put off, and never in between. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { OperationError } from '../../../../runtime/base/errors.ts';
import { formatAnswer } from '../../../support/smtp-answers.ts';
import { SmtpWorld } from '../../../support/smtp-edge-world.ts';

let world: SmtpWorld;
before(async () => {
  world = await SmtpWorld.start();
});
after(() => world.stop());
afterEach(() => {
  world.core.failures.length = 0;
  world.core.queryFailures.length = 0;
  world.core.mails.length = 0;
  world.complaints.length = 0;
  // What the edge remembers of addresses is forgotten.
  world.clock.advance(1_000);
});

const failing = (code: string, transient: boolean): OperationError =>
  new OperationError({ code, transient, text: `about ${code}` });

const mail = 'Message-ID: <one@remote.example>\r\nSubject: one\r\n\r\nhello\r\n.\r\n';

for (const [code, transient, reply] of [
  ['busy', true, '451 4.3.0 about busy'],
  ['deadlinePassed', true, '451 4.3.0 about deadlinePassed'],
  ['workerLost', true, '451 4.3.0 about workerLost'],
  ['storageFull', true, '452 4.3.1 Not enough storage, try again later'],
  ['overQuota', false, '452 4.2.2 Mailbox is over quota'],
  ['noSuchMailbox', false, '550 5.1.1 User unknown'],
  ['turnTooLarge', false, '452 4.5.3 Too many recipients, send the rest in another transaction'],
  ['somethingElse', false, '554 5.3.0 about somethingElse'],
] as const) {
  void test(`outcome: ${code} at the commit is told as ${reply.slice(0, 9)}, and nothing is kept`, async () => {
    world.core.failures.push(failing(code, transient));
    assert.equal((await world.send(mail)).text, reply);
    assert.deepEqual(world.core.mails, []);
    assert.deepEqual(world.complaints, []);
  });
}

void test('outcome: a bug is told to the log, and to the client only that it may try again', async () => {
  world.core.failures.push(new TypeError('secret of the inside'));
  const reply = await world.send(mail);
  assert.equal(reply.text, '451 4.3.0 internal error; see the log of the node');
  assert.match(world.complaints.join(), /secret of the inside/);
});

void test('outcome: a core that cannot say who a recipient is puts it off', async () => {
  const client = await world.client();
  await client.ask('MAIL FROM:<a@remote.example>');
  world.core.queryFailures.push(failing('busy', true));
  assert.equal(formatAnswer(await client.ask('RCPT TO:<ann@example.org>')), '451 4.3.0 about busy');
  assert.equal(formatAnswer(await client.ask('RCPT TO:<ann@example.org>')), '250 2.1.5 Ok');
});

void test('outcome: a resend hears the id of the first mail', async () => {
  const ids = [await world.send(mail), await world.send(mail)].map(({ text }) => /id=(\S+)/.exec(text)?.[1]);
  assert.equal(ids[0], ids[1]);
  assert.equal(world.core.mails.length, 1);
});

void test('outcome: a resend to several, in whichever order, meets its own record', async () => {
  for (const names of [
    ['ann', 'bob'],
    ['bob', 'ann'],
  ]) {
    const client = await world.client();
    await client.ask('MAIL FROM:<a@remote.example>');
    for (const name of names) await client.ask(`RCPT TO:<${name}@example.org>`);
    await client.ask('DATA');
    client.write(mail);
    assert.match((await client.read()).kind, /reply/);
  }
  assert.deepEqual(
    world.core.mails.map(({ recipient }) => recipient.mailboxId),
    ['m-ann', 'm-bob'],
  );
});

void test('outcome: without Message-ID two equal mails are two mails', async () => {
  await world.send('Subject: down\r\n\r\n.\r\n');
  await world.send('Subject: down\r\n\r\n.\r\n');
  assert.equal(world.core.mails.length, 2);
});

void test('outcome: one recipient asks its mailbox, several ask one spool, and one query answers a plain RCPT', async () => {
  world.core.calls.length = 0;
  await world.send(mail);
  assert.deepEqual(world.core.calls, ['address:ann@example.org', 'mailbox:m-ann']);
  const client = await world.client();
  await client.ask('MAIL FROM:<a@remote.example>');
  await client.ask('RCPT TO:<ann@example.org>');
  await client.ask('RCPT TO:<bob@example.org>');
  await client.ask('DATA');
  world.core.calls.length = 0;
  client.write('Subject: two\r\n\r\n.\r\n');
  await client.read();
  assert.equal(world.core.calls.length, 1);
  assert.match(world.core.calls[0] ?? '', /^spool:/);
});

void test('outcome: the prefix names path, way and recipient of this copy alone', async () => {
  const client = await world.client();
  await client.ask('MAIL FROM:<a@remote.example>');
  await client.ask('RCPT TO:<Ann@example.org>');
  await client.ask('RCPT TO:<bob@example.org>');
  await client.ask('DATA');
  client.write('Subject: two copies\r\n\r\n.\r\n');
  await client.read();
  const [ann, bob] = world.core.mails.map(({ recipient }) => Buffer.from(recipient.prefix).toString());
  assert.match(
    ann ?? '',
    /^Return-Path: <a@remote\.example>\r\nReceived: from client\.example \(\[127\.0\.0\.1\]\)\r\n/,
  );
  assert.match(ann ?? '', /by mx\.example with ESMTP id \w{26}\r\n\tfor <Ann@example\.org>;/);
  assert.doesNotMatch(ann ?? '', /bob/);
  assert.match(bob ?? '', /for <bob@example\.org>/);
});

void test('outcome: a broken mail is stored byte for byte', async () => {
  const raw = `\xff\xfe no header\r\nContent-Type: multipart/mixed; boundary="\r\n${'x'.repeat(5000)}\r\n\r\n--\0--\r\n`;
  const reply = await world.send(Buffer.from(`${raw}.\r\n`, 'latin1'));
  assert.equal(reply.code, 250);
  assert.deepEqual(world.bodies, [raw]);
});

void test('outcome: the storage guard refuses before anything is taken', async () => {
  const client = await world.client();
  world.core.publish('storageLow', true);
  assert.equal(
    formatAnswer(await client.ask('MAIL FROM:<a@remote.example>')),
    '452 4.3.1 Not enough storage, try again later',
  );
  world.core.publish('storageLow', false);
  assert.equal(formatAnswer(await client.ask('MAIL FROM:<a@remote.example>')), '250 2.1.0 Ok');
  await client.ask('RCPT TO:<ann@example.org>');
  world.core.publish('storageLow', true);
  assert.equal(formatAnswer(await client.ask('DATA')), '452 4.3.1 Not enough storage, try again later');
  world.core.publish('storageLow', false);
});

void test('outcome: a mail that has been everywhere, or here too often, is going round in circles', async () => {
  const received = (by: string): string =>
    `Received: from x (y)\r\n by ${by} with ESMTP; Tue, 03 Nov 2026 14:03:07 +0000\r\n`;
  const hops = (count: number, by: string): Promise<string> =>
    world
      .send(`${received(by).repeat(count)}Subject: loop\r\n\r\n${received(by)}.\r\n`)
      .then(({ text }) => text.slice(0, 9));
  assert.equal(await hops(99, 'relay.example'), '250 2.0.0');
  assert.equal(await hops(100, 'relay.example'), '554 5.4.6');
  assert.equal(await hops(4, 'MX.example'), '250 2.0.0');
  assert.equal(await hops(5, 'MX.example'), '554 5.4.6');
});
