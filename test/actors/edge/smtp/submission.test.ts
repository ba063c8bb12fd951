/** What becomes of a mail that an account hands in: its header, its copies, its resends. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { tryLater } from '../../../../runtime/base/errors.ts';
import { expectReply, formatAnswer } from '../../../support/smtp-answers.ts';
import { submissionListener, SmtpWorld } from '../../../support/smtp-edge-world.ts';

let world: SmtpWorld;
before(async () => {
  world = await SmtpWorld.start({
    listener: submissionListener,
    sign: (_core, domain, bytes) => Promise.resolve(`DKIM-Signature: d=${domain}; l=${bytes.length}\r\n`),
  });
});
after(() => world.stop());
beforeEach(() => {
  world.core.mails.length = 0;
  world.core.left.length = 0;
  world.core.setAccount('a-m-ann', { savesSent: false });
  world.core.setCredentialGone('a-m-ann', false);
});

async function handIn(mail: string, to: readonly string[], parameters = ''): Promise<string> {
  const client = await world.client();
  const plain = Buffer.from('\0ann@example.org\0secret').toString('base64');
  expectReply(await client.ask(`AUTH PLAIN ${plain}`), 235);
  expectReply(await client.ask(`MAIL FROM:<ann@example.org>${parameters}`), 250);
  for (const each of to) expectReply(await client.ask(`RCPT TO:<${each}>`), 250);
  expectReply(await client.ask('DATA'), 354);
  client.write(`${mail}.\r\n`);
  const answer = formatAnswer(await client.read());
  client.hangUp();
  return answer;
}

const bodyOf = (mail: { readonly body: Uint8Array } | undefined): string => Buffer.from(mail?.body ?? []).toString();
const prefixOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

void test('submission: what is missing is added, Bcc goes, and the answer names the mail', async () => {
  const answer = await handIn(
    'From: Ann <ann@example.org>\r\nBcc: bob@example.org,\r\n friend@remote.example\r\nTo: x@y\r\n\r\nhi\r\n',
    ['bob@example.org'],
  );
  assert.match(answer, /^250 2\.0\.0 Ok id=\w{26} copies=1\/1$/);
  assert.match(
    bodyOf(world.core.mails[0]),
    /^From: Ann <ann@example\.org>\r\nTo: x@y\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000\r\nMessage-ID: <\w{26}@example\.org>\r\n\r\nhi\r\n$/,
  );
});

void test('submission: a whole mail is passed on as it came', async () => {
  const mail = 'Message-ID: <whole@x>\r\nDate: today\r\nFrom: ann@example.org\r\n\r\n\xe9\r\n';
  await handIn(mail, ['friend@remote.example']);
  assert.equal(Buffer.from(world.core.left[0]?.body ?? []).toString('latin1'), mail);
});

void test('submission: what leaves is signed in front of its Received line, which says how it came', async () => {
  await handIn('From: ann@example.org\r\n\r\n', ['friend@remote.example'], ' RET=FULL ENVID=e+2B1');
  const [left] = world.core.left;
  assert.match(
    prefixOf(left?.message.prefix),
    /^DKIM-Signature: d=example\.org; l=\d+\r\nReceived: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby mx\.example with ESMTPA id \w{26}\r\n\tfor <friend@remote\.example>;/,
  );
  assert.match(prefixOf(left?.message.prefix), new RegExp(`l=${left?.body.length}\r`));
  assert.deepEqual(left?.message.dsn, { ret: 'full', envelopeId: 'e+1' });
  const { envelope } = left?.message ?? {};
  assert.deepEqual([envelope?.reversePath, envelope?.submitter], ['ann@example.org', 'a-m-ann']);
});

void test('submission: several recipients are told nothing of each other', async () => {
  await handIn('From: ann@example.org\r\n\r\n', ['friend@remote.example', 'bob@example.org', 'b@other.example']);
  for (const { message } of world.core.left) assert.doesNotMatch(prefixOf(message.prefix), /for </);
  const [bob] = world.core.mails;
  assert.match(
    prefixOf(bob?.recipient.prefix),
    /^Return-Path: <ann@example\.org>\r\nReceived: .*for <bob@example\.org>/s,
  );
  assert.doesNotMatch(prefixOf(bob?.recipient.prefix), /DKIM|friend/);
});

void test('submission: a copy goes to Sent when the account wants it', async () => {
  world.core.setAccount('a-m-ann', { savesSent: true });
  await handIn('From: ann@example.org\r\nBcc: x@y\r\n\r\n', ['friend@remote.example']);
  const [copy] = world.core.mails;
  const { recipient } = copy ?? {};
  assert.deepEqual([recipient?.mailboxId, recipient?.folder, recipient?.flags], ['m-ann', 'Sent', ['\\Seen']]);
  assert.equal(prefixOf(recipient?.prefix), '');
  assert.equal(world.core.left.length, 1);
});

void test('submission: a mail that is sent again is taken once, though its Date was added later', async () => {
  const mail = 'Message-ID: <again@x>\r\nFrom: ann@example.org\r\n\r\n';
  const first = await handIn(mail, ['friend@remote.example', 'bob@example.org']);
  world.clock.advance(5_000);
  assert.equal(await handIn(mail, ['bob@example.org', 'friend@remote.example']), first);
  assert.deepEqual([world.core.mails.length, world.core.left.length], [1, 1]);
});

void test('submission: without a Message-ID two mails are two', async () => {
  for (let i = 0; i < 2; i++) await handIn('From: ann@example.org\r\n\r\n', ['bob@example.org']);
  assert.equal(world.core.mails.length, 2);
});

void test('submission: a core that cannot say whose an address is puts the mail off', async () => {
  const client = await world.client();
  const plain = Buffer.from('\0ann@example.org\0secret').toString('base64');
  await client.ask(`AUTH PLAIN ${plain}`);
  // Nothing that was known a moment ago answers for it.
  world.clock.advance(1_000);
  world.core.queryFailures.push(tryLater('busy', 'busy'));
  assert.equal(formatAnswer(await client.ask('MAIL FROM:<ann@example.org>')), '451 4.3.0 busy');
  assert.equal(formatAnswer(await client.ask('MAIL FROM:<ann@example.org>')), '250 2.1.0 Ok');
});

void test('submission: a header beyond all measure is refused before anybody looks into it', async () => {
  const beganMs = performance.now();
  const mail = `From: ann@example.org\r\n${'a:\r\n'.repeat(1_000_000)}\r\n`;
  assert.match(await handIn(mail, ['bob@example.org']), /^552 5\.3\.4 Header is larger/);
  assert.ok(performance.now() - beganMs < 2_000);
  assert.deepEqual(world.core.mails, []);
});

void test('submission: a second author behind many blanks is seen', async () => {
  const mail = `From: ann@example.org\r\nFrom${' '.repeat(130)}: bob@example.org\r\n\r\n`;
  assert.match(await handIn(mail, ['bob@example.org']), /^550 5\.7\.1 The mail needs one well-formed From/);
});

void test('submission: a password that is taken away sends nothing more, over an open session neither', async () => {
  const client = await world.client();
  const plain = Buffer.from('\0ann@example.org\0secret').toString('base64');
  expectReply(await client.ask(`AUTH PLAIN ${plain}`), 235);
  expectReply(await client.ask('MAIL FROM:<ann@example.org>'), 250);
  expectReply(await client.ask('RSET'), 250);
  world.core.setCredentialGone('a-m-ann', true);
  assert.match(
    formatAnswer(await client.ask('MAIL FROM:<ann@example.org>')),
    /^550 5\.7\.1 This account may no longer/,
  );
  assert.match(formatAnswer(await client.ask('MAIL FROM:<>')), /^530 /);
});

void test('submission: a commit that is refused is told, and nothing is kept', async () => {
  world.core.failures.push(tryLater('busy', 'about busy'));
  assert.equal(await handIn('From: ann@example.org\r\n\r\n', ['friend@remote.example']), '451 4.3.0 about busy');
  assert.deepEqual([world.core.left, world.complaints], [[], []]);
});
