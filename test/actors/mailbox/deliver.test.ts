import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import type { Recipient } from '../../../actors/mail/message.ts';
import { mailbox } from '../../../actors/mailbox/mailbox.ts';
import { ActorBench } from '../../support/actor-bench.ts';
import { sampleMail, sampleRecipient } from '../../support/mail-samples.ts';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

const dayMs = 24 * 3_600_000;
const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;

void test('a delivery is a message with what the envelope and header said of it', () => {
  const box = new MailboxBench();
  const message = sampleMail({ sizeBytes: 500 });
  const answer = box.ask({ kind: 'deliver', message, recipient: sampleRecipient() });
  assert.deepEqual(answer, { uid: 1, folderId: inbox, mailId: message.mailId, resend: false });
  const [stored] = box.messages();
  assert.ok(stored);
  assert.equal(stored.header.subject, message.header.subject);
  assert.equal(stored.address, 'ann@example.org');
  assert.equal(stored.reversePath, 'bob@example.net');
  assert.equal(stored.internalDateMs, message.receivedAtMs);
  assert.equal(stored.sizeBytes, 500 + sampleRecipient().prefix.byteLength);
  assert.deepEqual(stored.flags, []);
  assert.equal(stored.threadId, stored.emailId);
  assert.deepEqual(box.query({ kind: 'message', folderId: inbox, uid: 1 }), stored);
  assert.deepEqual([...box.holds], [['1:1', message.body.hash]]);
});

void test('a delivery writes five rows, however many messages and folders there are', () => {
  const box = new MailboxBench();
  box.deliverMany(3000);
  for (let i = 0; i < 100; i++) box.ask({ kind: 'createFolder', name: `f${i}`, specialUse: null });
  box.deliver({ fingerprint: 'first' });
  box.deliver({ fingerprint: 'second' });
  assert.equal(box.rowsWritten, 5);
  assert.ok(box.rowsRead <= 4);
  box.deliver({ fingerprint: 'third', folder: 'F99' });
  assert.equal(box.rowsWritten, 5);
  assert.ok(box.rowsRead <= 5);
});

void test('a delivery tells its story: accepted and delivered, and only delivered when the spool took it', () => {
  const box = new MailboxBench();
  const message = sampleMail();
  box.ask({ kind: 'deliver', message, recipient: sampleRecipient() });
  assert.deepEqual(
    box.events.map(({ subject, kind }) => [subject, kind]),
    [
      [message.mailId, 'accepted'],
      [message.mailId, 'delivered'],
    ],
  );
  assert.deepEqual(box.events[1]?.detail, { address: 'ann@example.org', mailboxId: 'box', folder: 'INBOX', uid: 1 });
  box.events.length = 0;
  box.notify({ kind: 'deliver', message: sampleMail(), recipient: sampleRecipient() });
  assert.deepEqual(
    box.events.map(({ kind }) => kind),
    ['delivered'],
  );
  assert.deepEqual(box.uids(), [1, 2]);
});

void test('a copy of sent mail makes its folder and is seen; where the folder cannot be, it goes to INBOX', () => {
  const box = new MailboxBench();
  const copyTo = (folder: string) =>
    box.ask({
      kind: 'deliver',
      message: sampleMail(),
      recipient: sampleRecipient({ folder, flags: ['\\Seen'], createsFolder: true }),
    });
  copyTo('Sent');
  assert.deepEqual([box.folder('Sent').messages, box.folder('Sent').unseen], [1, 0]);
  copyTo('');
  assert.deepEqual(
    box.messages().map(({ flags }) => flags),
    [['\\Seen']],
  );
});

void test('resend: the same fingerprint gets the first answer and changes nothing', () => {
  const box = new MailboxBench();
  const first = sampleMail();
  const recipient = sampleRecipient({ fingerprint: 'print' });
  box.ask({ kind: 'deliver', message: first, recipient });
  box.events.length = 0;
  const answer = box.ask({ kind: 'deliver', message: sampleMail(), recipient });
  assert.deepEqual(answer, { uid: 1, folderId: inbox, mailId: first.mailId, resend: true });
  assert.equal(box.rowsWritten, 0);
  box.notify({ kind: 'deliver', message: sampleMail(), recipient });
  assert.equal(box.messages().length, 1);
  assert.deepEqual(box.events, []);
});

void test('resend: a fingerprint is known for a day, over midnight too, and forgotten on a timer', () => {
  const box = new MailboxBench({ nowMs: Date.UTC(2026, 10, 3, 23, 59) });
  box.deliver({ fingerprint: 'print' });
  box.advance(dayMs - 60_000);
  box.deliver({ fingerprint: 'print' });
  assert.equal(box.messages().length, 1);
  box.advance(2 * dayMs);
  assert.deepEqual(box.rows('fp'), []);
  assert.deepEqual([...box.timers], []);
  box.deliver({ fingerprint: 'print' });
  assert.equal(box.messages().length, 2);
});

void test('fingerprints of many days go in bounded turns, the recent ones stay', () => {
  const box = new MailboxBench();
  for (let i = 0; i < 2500; i++) box.deliver({ fingerprint: `old ${i}` });
  box.advance(1.5 * dayMs);
  box.deliver({ fingerprint: 'recent' });
  box.advance(dayMs);
  assert.deepEqual(
    box.rows('fp').map(({ key }) => key[2]),
    ['recent'],
  );
  assert.equal(box.timers.size, 1);
});

void test('mail without a fingerprint is delivered each time', () => {
  const box = new MailboxBench();
  const message = sampleMail();
  box.ask({ kind: 'deliver', message, recipient: sampleRecipient() });
  box.ask({ kind: 'deliver', message, recipient: sampleRecipient() });
  assert.deepEqual(box.uids(), [1, 2]);
  assert.deepEqual(box.disagreements(), []);
});

void test('a mailbox that is not there: the command is refused, the notice is recorded as failed', () => {
  const none = new ActorBench(mailbox, { key: 'gone' });
  const message = sampleMail();
  assert.throws(() => none.ask({ kind: 'deliver', message, recipient: sampleRecipient() }), refusal('noSuchMailbox'));
  none.notify({ kind: 'deliver', message, recipient: sampleRecipient() });
  assert.deepEqual(
    none.events.map(({ subject, kind }) => [subject, kind]),
    [[message.mailId, 'failed']],
  );
  assert.deepEqual(none.rows(), []);
});

void test('a mailbox that is not there: the sender hears of it, unless he has no address or wants to hear nothing', () => {
  const none = new ActorBench(mailbox, { key: 'gone' });
  const dsn = { ret: 'full', envelopeId: 'e1' } as const;
  const told = (facts: Partial<Recipient>, reversePath = 'Bob@Example.NET') => {
    const mail = sampleMail();
    const message = { ...mail, envelope: { ...mail.envelope, reversePath } };
    none.notify({ kind: 'deliver', message, recipient: sampleRecipient(facts) });
    return none.takeTold().map(({ kind, key, notice, bodies }) => {
      assert.deepEqual([notice['message'], bodies], [message, [message.body]]);
      return [kind, key, notice.kind, notice['report'], notice['wishes'], notice['result']];
    });
  };
  const text = 'the mailbox was removed before the mail was put into it';
  const result = { address: 'ann@example.org', code: 0, outcome: 'failed', enhanced: '5.1.1', text };
  const wishes = { notify: ['failure'], orcpt: 'rfc822;ann@x', dsn } as const;
  const nothing = { notify: null, orcpt: null, dsn: { ret: null, envelopeId: null } };
  assert.deepEqual(told({}), [['delivery-domain', 'example.net', 'report', 'failure', nothing, result]]);
  assert.deepEqual(told({ wishes }), [['delivery-domain', 'example.net', 'report', 'failure', wishes, result]]);
  assert.deepEqual(told({ wishes: { ...wishes, notify: ['never'] } }), []);
  assert.deepEqual(told({ wishes: { ...wishes, notify: ['success', 'delay'] } }), []);
  assert.deepEqual(told({}, ''), []);
  assert.deepEqual(told({}, 'bob@[192.0.2.1]'), [], 'nobody can be told at a literal');
  assert.deepEqual(told({ address: '', folder: 'Sent' }), [], 'a sender needs no word of his own copy');
});

void test('a delivery is told to a sender who asked for that, once', () => {
  const box = new MailboxBench();
  const dsn = { ret: null, envelopeId: null };
  const deliver = (facts: Partial<Recipient>): unknown[] => {
    const recipient = sampleRecipient(facts);
    box.ask({ kind: 'deliver', message: sampleMail({ mailId: 'same' }), recipient });
    box.notify({ kind: 'deliver', message: sampleMail({ mailId: 'same' }), recipient });
    return box.takeTold().map(({ key, notice }) => [key, notice['report'], notice['result']]);
  };
  const wishes = { notify: ['success', 'failure'], orcpt: null, dsn } as const;
  const text = 'the mail is in the mailbox';
  const result = { address: 'ann@example.org', code: 0, outcome: 'delivered', enhanced: '2.1.5', text };
  assert.deepEqual(deliver({ wishes, fingerprint: 'print' }), [['example.net', 'success', result]]);
  assert.deepEqual(deliver({ wishes: { ...wishes, notify: null } }), []);
  assert.deepEqual(deliver({}), []);
});

void test('an inspector chooses the folder; mail for one that is not there, or cannot be, goes to INBOX', () => {
  const box = new MailboxBench();
  box.deliver({ folder: 'junk' });
  assert.equal(box.folder('Junk').messages, 1);
  box.deliver({ folder: 'No/Such' });
  box.deliver({ folder: '**//' });
  assert.equal(box.folder('INBOX').messages, 2);
});

void test('append keeps date and flags, makes the folder when asked, and is refused without', () => {
  const box = new MailboxBench();
  const message = sampleMail({ sizeBytes: 10 });
  const command = {
    kind: 'append',
    folder: 'Work/2026',
    message,
    flags: ['\\seen', '$Forwarded', '\\Deleted', '\\Recent'],
    internalDateMs: 5,
    fingerprint: null,
    createFolder: false,
  } as const;
  assert.throws(() => box.ask(command), refusal('noSuchFolder'));
  const { uid, folderId, uidValidity } = box.ask({ ...command, createFolder: true });
  assert.equal(box.folder('Work/2026').uidValidity, uidValidity);
  const [stored] = box.messages(folderId);
  assert.equal(stored?.uid, uid);
  assert.equal(stored?.internalDateMs, 5);
  assert.deepEqual(stored?.flags, ['$Forwarded', '\\Deleted', '\\Seen']);
  assert.equal(box.folder('Work/2026').unseen, 0);
  assert.deepEqual(box.disagreements(), []);
});

void test('a repeated import finds its own message', () => {
  const box = new MailboxBench();
  const command = {
    kind: 'append',
    folder: 'INBOX',
    message: sampleMail(),
    flags: [],
    internalDateMs: 5,
    fingerprint: 'import:1',
    createFolder: true,
  } as const;
  const first = box.ask(command);
  assert.deepEqual(box.ask(command), { ...first, resend: true });
  assert.equal(box.messages().length, 1);
  for (const fingerprint of ['', 'a\0b', '\x04', '\ud800', 'x'.repeat(129)]) {
    assert.throws(() => box.ask({ ...command, fingerprint }), refusal('badFingerprint'));
  }
});

void test('recent mail is listed newest first', () => {
  const box = new MailboxBench();
  box.deliverMany(3);
  box.deliver({ folder: 'Junk' });
  const recent = box.query({ kind: 'recentMail', limit: 3 });
  assert.deepEqual(
    recent.map(({ uid, folderId }) => [folderId, uid]),
    [
      [box.folder('Junk').folderId, 1],
      [inbox, 3],
      [inbox, 2],
    ],
  );
});

void test('a large folder is read page by page', () => {
  const box = new MailboxBench();
  box.deliverMany(2100);
  assert.equal(box.query({ kind: 'messages', folderId: inbox, afterUid: 0, limit: 5000 }).length, 1000);
  assert.deepEqual(
    box.query({ kind: 'messages', folderId: inbox, afterUid: 2098, limit: 10 }).map(({ uid }) => uid),
    [2099, 2100],
  );
  assert.deepEqual(box.query({ kind: 'messages', folderId: 77, afterUid: 0, limit: 10 }), []);
  assert.equal(box.query({ kind: 'message', folderId: inbox, uid: 9999 }), null);
});

void test('numbers that can be in no key are refused, and break nothing', () => {
  const box = new MailboxBench();
  const uid = box.deliver();
  for (const bad of [-0, Number.NaN, Number.POSITIVE_INFINITY]) {
    const uids = [uid, bad];
    for (const ask of [
      () => box.query({ kind: 'messages', folderId: inbox, afterUid: bad, limit: 10 }),
      () => box.query({ kind: 'messages', folderId: bad, afterUid: 0, limit: 10 }),
      () => box.query({ kind: 'message', folderId: inbox, uid: bad }),
      () => box.query({ kind: 'changes', since: bad, limit: 10 }),
      () => box.ask({ kind: 'expunge', folderId: inbox, uids }),
      () => box.ask({ kind: 'move', folderId: inbox, uids: [uid], toFolderId: bad }),
      () => box.setFlags(uids, 'add', ['\\Seen']),
      () => box.ask({ kind: 'deleteFolder', folderId: bad }),
    ]) {
      assert.throws(ask, refusal('badId'));
    }
  }
  assert.deepEqual(box.uids(), [uid]);
  assert.deepEqual(box.disagreements(), []);
});
