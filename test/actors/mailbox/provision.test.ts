import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import { sampleMail, sampleRecipient } from '../../support/mail-samples.ts';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const told = (box: MailboxBench) =>
  box.takeTold().map(({ kind, key, notice }) => [kind, key, notice['full'], notice['mailboxId']]);

void test('creation may be repeated by its own account alone', () => {
  const box = new MailboxBench();
  box.deliver();
  assert.deepEqual(box.ask({ kind: 'create', accountId: 'acc', quotaBytes: 7 }), { created: false });
  assert.throws(() => box.ask({ kind: 'create', accountId: 'other', quotaBytes: 0 }), refusal('mailboxExists'));
  assert.deepEqual(box.query({ kind: 'summary' }), {
    exists: true,
    accountId: 'acc',
    messages: 1,
    usedBytes: 1000,
    quotaBytes: 0,
    highestModSeq: 7,
  });
});

void test('quota: crossing it is told to the addresses both ways, and once', () => {
  const box = new MailboxBench({ quotaBytes: 2000 });
  box.ask({ kind: 'addAddress', address: 'Ann@Example.org' });
  box.ask({ kind: 'addAddress', address: 'a@example.org' });
  assert.deepEqual(told(box), [
    ['address', 'ann@example.org', false, 'box'],
    ['address', 'a@example.org', false, 'box'],
  ]);
  box.deliver();
  assert.deepEqual(told(box), []);
  box.deliver();
  assert.deepEqual(told(box), [
    ['address', 'a@example.org', true, 'box'],
    ['address', 'ann@example.org', true, 'box'],
  ]);
  // Accepted at RCPT means delivered, however full it is.
  box.deliver();
  assert.deepEqual(told(box), []);
  box.ask({ kind: 'removeAddress', address: 'a@example.org' });
  box.ask({ kind: 'expunge', folderId: inbox, uids: [1, 2] });
  assert.deepEqual(told(box), [['address', 'ann@example.org', false, 'box']]);
});

void test('quota: raising and lowering it tells as well, and a new address learns how things stand', () => {
  const box = new MailboxBench({ quotaBytes: 500 });
  box.deliver();
  box.ask({ kind: 'addAddress', address: 'ann@example.org' });
  assert.deepEqual(told(box), [['address', 'ann@example.org', true, 'box']]);
  box.ask({ kind: 'setQuota', quotaBytes: 5000 });
  assert.deepEqual(
    told(box).map(([, , full]) => full),
    [false],
  );
  box.ask({ kind: 'setQuota', quotaBytes: 1000 });
  assert.deepEqual(
    told(box).map(([, , full]) => full),
    [true],
  );
  box.ask({ kind: 'setQuota', quotaBytes: 0 });
  assert.deepEqual(
    told(box).map(([, , full]) => full),
    [false],
  );
  for (const quotaBytes of [-1, 0.5, Number.NaN]) {
    assert.throws(() => box.ask({ kind: 'setQuota', quotaBytes }), refusal('badQuota'));
  }
});

void test('quota: append is refused when the message does not fit', () => {
  const box = new MailboxBench({ quotaBytes: 1000 });
  const append = (sizeBytes: number) =>
    box.ask({
      kind: 'append',
      folder: 'Sent',
      message: sampleMail({ sizeBytes }),
      flags: [],
      internalDateMs: 0,
      fingerprint: null,
      createFolder: false,
    });
  append(400);
  assert.throws(() => append(601), refusal('overQuota'));
  append(600);
  assert.throws(() => append(1), refusal('overQuota'));
});

void test('purge removes every row, body and timer, in a chain of turns, and the mailbox is gone from the first on', () => {
  const box = new MailboxBench();
  for (let i = 0; i < 1500; i++) box.deliver({ fingerprint: `print ${i}` });
  box.ask({ kind: 'addAddress', address: 'ann@example.org' });
  box.ask({ kind: 'expunge', folderId: inbox, uids: [1, 2] });
  let tried = false;
  box.betweenTurns = () => {
    if (tried) return;
    tried = true;
    const turns = box.turns;
    assert.throws(() => box.deliver(), refusal('noSuchMailbox'));
    assert.throws(() => box.ask({ kind: 'create', accountId: 'acc', quotaBytes: 0 }), refusal('mailboxPurging'));
    box.notify({ kind: 'deliver', message: sampleMail(), recipient: sampleRecipient() });
    assert.equal(box.query({ kind: 'summary' }).exists, false);
    box.turns = turns;
  };
  assert.deepEqual(box.ask({ kind: 'purge' }), { removed: 1498 });
  assert.ok(tried && box.turns > 3);
  assert.equal(box.events.at(-1)?.kind, 'failed');
  assert.deepEqual(box.rows(), []);
  assert.equal(box.holds.size, 0);
  assert.deepEqual([...box.timers], []);
  assert.deepEqual(box.ask({ kind: 'purge' }), { removed: 0 });
});

void test('purge that a dying node has broken off goes on by itself', () => {
  const box = new MailboxBench();
  box.deliverMany(2000);
  box.betweenTurns = () => {
    throw new Error('the node died');
  };
  assert.throws(() => box.ask({ kind: 'purge' }));
  assert.ok(box.rows().length > 0);
  box.advance(120_000);
  assert.deepEqual(box.rows(), []);
  assert.equal(box.holds.size, 0);
  assert.deepEqual([...box.timers], []);
});

void test('what a newer node may ask and this one does not know is refused by name', () => {
  const box = new MailboxBench();
  assert.throws(() => box.ask({ kind: 'toString' } as never), refusal('unknownCommand'));
});
