import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spool } from '../../../actors/spool/spool.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';
import { sampleMail, sampleRecipient } from '../../support/mail-samples.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const two = [sampleRecipient({ mailboxId: 'm1' }), sampleRecipient({ mailboxId: 'm2', address: 'bob@example.org' })];
const bench = () => new ActorBench(spool, { key: 'print' });

void test('a mail for two is told to both mailboxes with its body, and recorded as accepted once', () => {
  const actor = bench();
  const message = sampleMail();
  assert.deepEqual(actor.ask({ kind: 'accept', message, recipients: two }), { mailId: message.mailId, resend: false });
  assert.deepEqual(
    actor.told.map(({ kind, key, notice, bodies }) => [kind, key, notice.kind, notice['recipient'], bodies]),
    two.map((recipient) => ['mailbox', recipient.mailboxId, 'deliver', recipient, [message.body]]),
  );
  assert.deepEqual(actor.events, [
    {
      subject: message.mailId,
      kind: 'accepted',
      detail: {
        from: 'bob@example.net',
        sizeBytes: 1000,
        recipients: 2,
        submitter: null,
        messageId: message.header.messageId,
      },
    },
  ]);
  assert.equal(actor.holds.size, 0);
});

void test('a resend within a day gets the first answer and tells nobody; after that the record is gone', () => {
  const actor = bench();
  const first = sampleMail();
  actor.ask({ kind: 'accept', message: first, recipients: two });
  actor.takeTold();
  actor.advance(24 * 3_600_000 - 1);
  assert.deepEqual(actor.ask({ kind: 'accept', message: sampleMail(), recipients: two }), {
    mailId: first.mailId,
    resend: true,
  });
  assert.deepEqual(actor.takeTold(), []);
  assert.equal(actor.events.length, 1);
  actor.advance(1);
  assert.deepEqual(actor.rows(), []);
  assert.equal(actor.ask({ kind: 'accept', message: sampleMail(), recipients: two }).resend, false);
});

void test('a mail without Message-ID leaves no record', () => {
  const actor = bench();
  actor.ask({ kind: 'accept', message: sampleMail({ messageId: null }), recipients: two });
  assert.deepEqual(actor.rows(), []);
  assert.deepEqual([...actor.timers], []);
  assert.equal(actor.told.length, 2);
});

void test('recipients are at least one, each mailbox once, and as many as one turn can tell', () => {
  const accept = (mailboxIds: string[]) => () =>
    bench().ask({
      kind: 'accept',
      message: sampleMail(),
      recipients: mailboxIds.map((mailboxId) => sampleRecipient({ mailboxId })),
    });
  assert.throws(accept([]), refusal('noRecipients'));
  assert.throws(accept(['m', 'n', 'm']), refusal('sameMailboxTwice'));
  const many = Array.from({ length: 1001 }, (_, i) => `m${i}`);
  assert.throws(accept(many), refusal('tooManyRecipients'));
  accept(many.slice(1))();
});
