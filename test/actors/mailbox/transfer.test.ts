import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;

void test('a copy is the same mail under a new UID, and holds the body again', () => {
  const box = new MailboxBench();
  const archive = box.folder('Archive');
  box.deliverMany(2);
  box.setFlags([2], 'add', ['\\Flagged']);
  const answer = box.ask({ kind: 'copy', folderId: inbox, uids: [2, 1, 2, 9], toFolderId: archive.folderId });
  assert.deepEqual(answer, {
    pairs: [
      [2, 1],
      [1, 2],
    ],
    uidValidity: archive.uidValidity,
  });
  const [original, copy] = [box.messages()[1], box.messages(archive.folderId)[0]];
  assert.equal(copy?.emailId, original?.emailId);
  assert.equal(copy?.mailId, original?.mailId);
  assert.deepEqual(copy?.flags, ['\\Flagged']);
  assert.equal(box.holds.size, 4);
  assert.deepEqual(box.disagreements(), []);
});

void test('a copy that does not fit is refused whole; a move needs no room', () => {
  const box = new MailboxBench({ quotaBytes: 3500 });
  box.deliverMany(2);
  const toFolderId = box.folder('Archive').folderId;
  assert.throws(() => box.ask({ kind: 'copy', folderId: inbox, uids: [1, 2], toFolderId }), refusal('overQuota'));
  assert.equal(box.folder('Archive').messages, 0);
  box.deliverMany(2);
  assert.deepEqual(box.ask({ kind: 'move', folderId: inbox, uids: [1, 2], toFolderId }).pairs, [
    [1, 1],
    [2, 2],
  ]);
  assert.deepEqual(box.uids(), [3, 4]);
  assert.deepEqual(box.disagreements(), []);
});

void test('a move within one folder gives a new UID', () => {
  const box = new MailboxBench();
  box.deliver();
  assert.deepEqual(box.ask({ kind: 'move', folderId: inbox, uids: [1], toFolderId: inbox }).pairs, [[1, 2]]);
  assert.deepEqual(box.uids(), [2]);
  assert.deepEqual(box.disagreements(), []);
});

void test('a move of thousands is a chain of turns; repeated after a break it moves the rest', () => {
  const box = new MailboxBench({ rowsPerTurn: 3000 });
  const uids = box.deliverMany(1700);
  const toFolderId = box.folder('Trash').folderId;
  box.betweenTurns = () => {
    throw new Error('the node died');
  };
  assert.throws(() => box.ask({ kind: 'move', folderId: inbox, uids, toFolderId }));
  assert.equal(box.folder('Trash').messages, 500);
  box.betweenTurns = () => undefined;
  assert.equal(box.ask({ kind: 'move', folderId: inbox, uids, toFolderId }).pairs.length, 1200);
  assert.equal(box.folder('Trash').messages, 1700);
  assert.equal(box.folder('INBOX').messages, 0);
  assert.deepEqual(box.disagreements(), []);
});

void test('rows with long headers stay below what a turn may write', () => {
  const box = new MailboxBench();
  const message = (i: number) => ({
    mailId: `m${i}`,
    body: { hash: `h${i}`, sizeBytes: 1 },
    header: { subject: '…'.repeat(998), from: '…'.repeat(998), messageId: '…'.repeat(998) },
    envelope: { reversePath: '', submitter: null, tenant: null, stream: null, tags: [] },
    receivedAtMs: 0,
  });
  for (let i = 0; i < 500; i++) {
    const append = { kind: 'append', folder: 'INBOX', flags: [], internalDateMs: 0, fingerprint: null } as const;
    box.ask({ ...append, message: message(i), createFolder: false });
  }
  box.ask({ kind: 'move', folderId: inbox, uids: box.uids(), toFolderId: box.folder('Trash').folderId });
  assert.ok(box.turns > 2);
  assert.equal(box.folder('Trash').messages, 500);
});

void test('expunge removes what is flagged, and no UID ever comes back', () => {
  const box = new MailboxBench();
  box.deliverMany(4);
  box.setFlags([2, 4], 'add', ['\\Deleted']);
  assert.deepEqual(box.ask({ kind: 'expunge', folderId: inbox, uids: null }), { removed: [2, 4] });
  assert.deepEqual(box.uids(), [1, 3]);
  assert.equal(box.deliver(), 5);
  assert.deepEqual(box.disagreements(), []);
});

void test('UID EXPUNGE takes only flagged ones of the list; a list alone takes all of it', () => {
  const box = new MailboxBench();
  box.deliverMany(4);
  box.setFlags([1, 2], 'add', ['\\Deleted']);
  assert.deepEqual(box.ask({ kind: 'expunge', folderId: inbox, uids: [2, 3], onlyDeleted: true }), { removed: [2] });
  assert.deepEqual(box.ask({ kind: 'expunge', folderId: inbox, uids: [3, 4, 99] }), { removed: [3, 4] });
  assert.deepEqual(box.uids(), [1]);
  assert.deepEqual(box.disagreements(), []);
});

void test('an expunge of thousands is a chain of turns that finds them without looking at the others', () => {
  const box = new MailboxBench({ rowsPerTurn: 2500 });
  const uids = box.deliverMany(3000);
  const flagged = uids.filter((uid) => uid % 2 === 0);
  box.setFlags(flagged, 'add', ['\\Deleted']);
  assert.deepEqual(box.ask({ kind: 'expunge', folderId: inbox, uids: null }).removed, flagged);
  assert.ok(box.turns >= 3);
  assert.equal(box.holds.size, 1500);
  assert.deepEqual(box.disagreements(), []);
});
