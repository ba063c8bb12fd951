/** One commit for a mail that is handed in, whichever way its recipients go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NotifyOn } from '../../../actors/mail/dsn-wishes.ts';
import { submit, type Submission, type SubmitContext } from '../../../actors/routing/submit.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { testCore } from '../../support/smtp-edge-world.ts';
import type { FakeCore } from '../../support/smtp-fake-core.ts';

const text = 'From: Ann <ann@example.org>\r\nMessage-ID: <1@example.org>\r\nSubject: x\r\n\r\nhello\r\n';
const bytesOf = (mail: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(mail));

function world(): { core: FakeCore; context: SubmitContext; signed: string[] } {
  const core = testCore();
  const signed: string[] = [];
  const context: SubmitContext = {
    core,
    clock: new FakeClock(),
    random: systemRandom,
    hostname: 'mx.example',
    sign: (_core, domain) => {
      signed.push(domain);
      return Promise.resolve(`DKIM-Signature: d=${domain}\r\n`);
    },
  };
  return { core, context, signed };
}

function mail(to: readonly string[], facts: Partial<Submission> = {}): Submission {
  return {
    reversePath: 'ann@example.org',
    submitter: 'a-m-ann',
    recipients: to.map((address) => ({ address, notify: null, orcpt: null })),
    bytes: bytesOf(text),
    dsn: { ret: null, envelopeId: null },
    smtpUtf8: false,
    received: 'Received: by mx.example\r\n',
    sentCopy: null,
    signs: true,
    principal: { kind: 'account', id: 'a-m-ann' },
    ...facts,
  };
}

const asked = ({ calls }: FakeCore): string[] => calls.filter((call) => /^(mailbox|spool|delivery-domain):/.test(call));
const stored = ({ mails }: FakeCore): string[] => mails.map(({ recipient: r }) => `${r.mailboxId} ${r.folder}`);
const left = (core: FakeCore): string[] => core.left.flatMap((each) => each.recipients.map(({ address }) => address));
const prefixOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

async function refusal(submission: Promise<unknown>): Promise<OperationError> {
  const error = await submission.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OperationError, String(error));
  return error;
}

void test('submit: one mailbox and nothing else asks the mailbox', async () => {
  const { core, context, signed } = world();
  const { mailId, resend } = await submit(context, mail(['bob@example.org']));
  assert.deepEqual([asked(core), stored(core), resend, signed], [['mailbox:m-bob'], ['m-bob INBOX'], false, []]);
  assert.equal(core.mails[0]?.message.mailId, mailId);
  assert.equal(
    prefixOf(core.mails[0]?.recipient.prefix),
    'Return-Path: <ann@example.org>\r\nReceived: by mx.example\r\n',
  );
  assert.equal(core.mails[0]?.message.envelope.submitter, 'a-m-ann');
});

void test('submit: one remote domain and nothing else asks its queue, whatever number there is', async () => {
  const { core, context, signed } = world();
  const many = Array.from({ length: 250 }, (_, i) => `u${i}@Remote.example`);
  await submit(context, mail(many, { dsn: { ret: 'headers', envelopeId: 'e1' }, smtpUtf8: true }));
  assert.deepEqual([asked(core), signed], [['delivery-domain:remote.example'], ['example.org']]);
  assert.deepEqual(
    left(core),
    many.map((each) => each.toLowerCase()),
  );
  const [message] = core.left.map((each) => each.message);
  assert.equal(prefixOf(message?.prefix), 'DKIM-Signature: d=example.org\r\nReceived: by mx.example\r\n');
  assert.deepEqual([message?.dsn, message?.smtpUtf8], [{ ret: 'headers', envelopeId: 'e1' }, true]);
});

void test('submit: a copy here carries what its sender asked to hear, success for one of an alias alone', async () => {
  const { core, context } = world();
  const dsn = { ret: 'full', envelopeId: 'e1' } as const;
  const asks = (address: string, ...notify: NotifyOn[]) => ({ address, notify, orcpt: `rfc822;${address}` });
  const recipients = [asks('all@example.org', 'success', 'failure'), asks('bob+news@example.org', 'success')];
  await submit(context, mail([], { recipients, dsn }));
  await submit(context, mail([], { recipients: [asks('both@example.org', 'never')] }));
  await submit(context, mail(['bob@example.org']));
  const orcpt = 'rfc822;all@example.org';
  assert.deepEqual(
    core.mails.map(({ recipient: { mailboxId, wishes } }) => [mailboxId, wishes]),
    [
      ['m-ann', { notify: ['success', 'failure'], orcpt, dsn }],
      ['m-bob', { notify: ['failure'], orcpt, dsn }],
      ['m-news', { notify: ['success'], orcpt: 'rfc822;bob+news@example.org', dsn }],
      ['m-ann', { notify: ['never'], orcpt: 'rfc822;both@example.org', dsn: { ret: null, envelopeId: null } }],
      ['m-bob', undefined],
    ],
  );
});

void test('submit: anything else asks one spool', async () => {
  const { core, context } = world();
  await submit(context, mail(['bob@example.org', 'a@remote.example', 'b@other.example', 'outside@example.org']));
  assert.match(asked(core).join(), /^spool:[\w-]{43}$/);
  assert.deepEqual(stored(core), ['m-bob INBOX', 'm-ann INBOX']);
  assert.deepEqual(left(core), ['a@remote.example', 'friend@remote.example', 'b@other.example']);
});

void test('submit: what is asked about a recipient goes with him, and an alias says whom it stood for', async () => {
  const { core, context } = world();
  const recipients = [
    { address: 'a@remote.example', notify: ['success', 'delay'], orcpt: 'rfc822;A@remote.example' },
    { address: 'outside@example.org', notify: ['never'], orcpt: null },
  ] as const;
  await submit(context, mail([], { recipients }));
  assert.deepEqual(
    core.left.flatMap((each) => each.recipients.map(({ notify, orcpt }) => [notify, orcpt])),
    [
      [['success', 'delay'], 'rfc822;A@remote.example'],
      [['never'], 'rfc822;outside@example.org'],
    ],
  );
});

void test('submit: of two recipients that lead to one address elsewhere, the first stands for both', async () => {
  const { core, context } = world();
  const recipients = [
    { address: 'friend@Remote.example', notify: ['delay'], orcpt: null },
    { address: 'friend@remote.example', notify: null, orcpt: null },
    { address: 'outside@example.org', notify: null, orcpt: null },
  ] as const;
  await submit(context, mail([], { recipients }));
  assert.deepEqual(
    core.left.flatMap((each) => each.recipients.map(({ address, notify }) => [address, notify])),
    [['friend@remote.example', ['delay']]],
  );
});

void test('submit: letter case is the affair of the other server: who differs by it elsewhere is somebody else', async () => {
  const { core, context } = world();
  const several = ['Jo@remote.example', 'jo@REMOTE.example', 'JO@other.example'];
  await submit(context, mail(several));
  assert.deepEqual(left(core), ['Jo@remote.example', 'jo@remote.example', 'JO@other.example']);
  const fingerprints = core.left.flatMap((each) => each.recipients.map(({ fingerprint }) => fingerprint));
  assert.equal(new Set(fingerprints).size, 3);
  assert.equal((await submit(context, mail(['jo@other.example']))).resend, false);
  assert.equal((await submit(context, mail(several.toReversed()))).resend, true);
});

void test('submit: the same mail again is the same mail, whichever way it went and in whichever order', async () => {
  for (const to of [['bob@example.org'], ['a@remote.example'], ['bob@example.org', 'a@remote.example']]) {
    const { core, context } = world();
    const first = await submit(context, mail(to));
    const again = await submit(context, mail(to.toReversed()));
    assert.deepEqual(again, { ...again, mailId: first.mailId, resend: true });
    assert.equal(core.mails.length + core.left.length, to.length);
  }
});

void test('submit: a resend is known by what the client sent, not by what was made of it', async () => {
  const { core, context } = world();
  const dated = (time: string): Submission =>
    mail(['a@remote.example'], { bytes: bytesOf(`Date: ${time}\r\n${text}`), contentHash: 'as it came' });
  await submit(context, dated('now'));
  assert.equal((await submit(context, dated('later'))).resend, true);
  assert.equal(core.left.length, 1);
});

void test('submit: other recipients, or another sender, make another mail', async () => {
  const { core, context } = world();
  await submit(context, mail(['bob@example.org', 'a@remote.example']));
  await submit(context, mail(['bob@example.org', 'b@remote.example']));
  await submit(context, mail(['bob@example.org', 'a@remote.example'], { reversePath: 'ann2@example.org' }));
  assert.equal(core.left.length, 3);
});

void test('submit: the own copy goes to Sent, seen, as it is, also of a mail to oneself', async () => {
  const { core, context } = world();
  await submit(context, mail(['ann@example.org'], { sentCopy: { mailboxId: 'm-ann', folder: 'Sent' } }));
  assert.deepEqual(stored(core), ['m-ann INBOX', 'm-ann Sent']);
  const { recipient } = core.mails[1] as (typeof core.mails)[number];
  assert.deepEqual([recipient.flags, recipient.createsFolder, prefixOf(recipient.prefix)], [['\\Seen'], true, '']);
  assert.notEqual(recipient.fingerprint, core.mails[0]?.recipient.fingerprint);
});

void test('submit: all or none: a bad recipient is named, and nobody has the mail', async () => {
  const { core, context } = world();
  for (const [address, code, says] of [
    ['nobody@example.org', 'unknownRecipient', /nobody@example\.org/],
    ['eve@example.org', 'recipientOverQuota', /eve@example\.org/],
    ['no address', 'badAddress', /no address/],
    ['a@[192.0.2.1]', 'addressLiteral', /192\.0\.2\.1/],
  ] as const) {
    const error = await refusal(submit(context, mail(['bob@example.org', address])));
    assert.equal(error.code, code);
    assert.match(error.message, says);
    assert.equal(error.transient, code === 'recipientOverQuota');
  }
  assert.equal((await refusal(submit(context, mail([])))).code, 'noRecipients');
  assert.deepEqual([core.mails, core.left], [[], []]);
});

void test('submit: the Received line may name the mail, and a copy its own recipient only', async () => {
  const { core, context } = world();
  const received = (id: string, recipient: string | null): string => `Received: id ${id} for ${recipient}\r\n`;
  const { mailId } = await submit(context, mail(['bob@example.org', 'a@remote.example'], { received, signs: false }));
  assert.match(prefixOf(core.mails[0]?.recipient.prefix), new RegExp(`id ${mailId} for bob@example.org\r\n$`));
  assert.equal(prefixOf(core.left[0]?.message.prefix), `Received: id ${mailId} for null\r\n`);
});

void test('submit: a signature that cannot be made keeps the mail out', async () => {
  const { core, context } = world();
  const broken: SubmitContext = { ...context, sign: () => Promise.reject(new Error('no key')) };
  await assert.rejects(submit(broken, mail(['a@remote.example'])), /no key/);
  assert.deepEqual(core.left, []);
});
