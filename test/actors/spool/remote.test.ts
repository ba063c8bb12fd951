import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spool } from '../../../actors/spool/spool.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';
import { sampleMail, sampleRecipient } from '../../support/mail-samples.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const bench = () => new ActorBench(spool, { key: 'print' });
const to = (address: string) => ({ address, notify: null, orcpt: null, fingerprint: 'print' });
const outgoing = { prefix: Buffer.from('X: y\r\n'), dsn: { ret: null, envelopeId: null }, smtpUtf8: false };
const remote = [
  { domain: 'one.example', recipients: [to('a@one.example'), to('b@one.example')] },
  { domain: 'two.example', recipients: [to('c@two.example')] },
];

void test('a mail for a mailbox and two remote domains is told to each in one turn, with its body', () => {
  const actor = bench();
  const message = sampleMail();
  actor.ask({ kind: 'accept', message, recipients: [sampleRecipient()], remote, outgoing });
  assert.deepEqual(
    actor.told.map(({ kind, key, notice, bodies }) => [kind, key, notice.kind, bodies]),
    [
      ['mailbox', sampleRecipient().mailboxId, 'deliver', [message.body]],
      ['delivery-domain', 'one.example', 'enqueue', [message.body]],
      ['delivery-domain', 'two.example', 'enqueue', [message.body]],
    ],
  );
  assert.deepEqual(actor.told[1]?.notice['recipients'], remote[0]?.recipients);
  assert.deepEqual(actor.told[1]?.notice['message'], { ...message, ...outgoing });
  assert.equal(actor.events[0]?.detail['recipients'], 4);
});

void test('remote recipients alone are enough; nobody at all, an empty domain, one twice and no prefix are refused', () => {
  const message = sampleMail();
  const ask = (more: object) => bench().ask({ kind: 'accept', message, recipients: [], ...more });
  assert.equal(ask({ remote, outgoing }).resend, false);
  assert.throws(() => ask({}), refusal('noRecipients'));
  assert.throws(() => ask({ remote: [{ domain: 'x.example', recipients: [] }], outgoing }), refusal('noRecipients'));
  assert.throws(() => ask({ remote: [...remote, ...remote], outgoing }), refusal('sameDomainTwice'));
  assert.throws(() => ask({ remote }), refusal('noOutgoing'));
});

void test('a domain with thousands of recipients is told in parts that one of its turns can take', () => {
  const actor = bench();
  const recipients = Array.from({ length: 2_500 }, (_, i) => to(`u${i}@one.example`));
  actor.ask({
    kind: 'accept',
    message: sampleMail(),
    recipients: [],
    remote: [{ domain: 'one.example', recipients }],
    outgoing,
  });
  const parts = actor.told.map(({ notice }) => notice['recipients'] as { readonly address: string }[]);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [1_000, 1_000, 500],
  );
  assert.deepEqual(parts.flat(), recipients);
});
