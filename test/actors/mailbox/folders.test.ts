import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const names = (box: MailboxBench) => box.folders().map(({ name }) => name);
const make = (box: MailboxBench, name: string, specialUse: string | null = null) =>
  box.ask({ kind: 'createFolder', name, specialUse }).folderId;
const first = ['INBOX', 'Archive', 'Drafts', 'Junk', 'Sent', 'Trash'];

void test('a new mailbox has the usual folders, INBOX first, each with its special use', () => {
  const box = new MailboxBench();
  assert.deepEqual(names(box), first);
  assert.equal(box.folder('INBOX').folderId, inbox);
  assert.deepEqual(
    box.folders().map(({ specialUse }) => specialUse),
    [null, '\\Archive', '\\Drafts', '\\Junk', '\\Sent', '\\Trash'],
  );
  const validities = box.folders().map(({ uidValidity }) => uidValidity);
  assert.equal(new Set(validities).size, 6);
  assert.ok(validities.every((value) => value > 0 && value < 2 ** 32));
  assert.ok(box.folders().every(({ highestModSeq }) => highestModSeq > 0));
});

void test('a folder is made with those above it, and a final separator is no part of its name', () => {
  const box = new MailboxBench();
  make(box, 'Work/2026/November/');
  assert.deepEqual(
    names(box),
    [...first, 'Work', 'Work/2026', 'Work/2026/November'].sort((a, b) =>
      a === 'INBOX' ? -1 : b === 'INBOX' ? 1 : a < b ? -1 : 1,
    ),
  );
  make(box, 'inbox/News');
  assert.ok(names(box).includes('INBOX/News'));
  assert.equal(make(box, 'All', '\\all') > 0 && box.folder('All').specialUse, '\\All');
});

void test('a name is taken in every case and in every form of Unicode', () => {
  const box = new MailboxBench();
  make(box, 'Caf\u00e9');
  for (const name of ['cafe\u0301', 'CAF\u00c9', 'inbox', 'Inbox', 'sent']) {
    assert.throws(() => make(box, name), refusal('folderExists'), name);
  }
});

void test('names that no folder may have are refused', () => {
  const box = new MailboxBench();
  const bad = [
    '',
    '/',
    'a//b',
    '/a',
    'a*',
    '%',
    'a\nb',
    'a\u0000',
    'a\u0001',
    'x'.repeat(100) + '\u0004',
    '..',
    'a/./b',
    ' a',
    'x'.repeat(256),
    'a/'.repeat(33) + 'a',
    '\ud800',
    'é'.repeat(128),
  ];
  for (const name of bad) assert.throws(() => make(box, name), refusal('badFolderName'), JSON.stringify(name));
  assert.throws(() => make(box, 'x', '\\Nonsense'), refusal('badSpecialUse'));
});

void test('a rename takes along what is below, in one small turn, and keeps UIDs and validity', () => {
  const box = new MailboxBench();
  const work = make(box, 'Work');
  for (let i = 0; i < 50; i++) make(box, `Work/p${i}`);
  box.deliver({ folder: 'Work/p7' });
  const before = box.folder('Work/p7');
  box.ask({ kind: 'renameFolder', folderId: work, name: 'Old/Jobs' });
  assert.ok(box.rowsWritten < 10);
  assert.deepEqual(box.folder('Old/Jobs/p7'), { ...before, name: 'Old/Jobs/p7' });
  assert.ok(!names(box).includes('Work'));
  assert.equal(box.deliver({ folder: 'Old/Jobs/p7' }), 2);
  make(box, 'Work');
  assert.ok(box.folder('Work').uidValidity > box.folder('Old/Jobs').uidValidity);
});

void test('a rename may change the case alone, and not take a name, INBOX, or a place below itself', () => {
  const box = new MailboxBench();
  const a = make(box, 'a');
  make(box, 'a/b');
  box.ask({ kind: 'renameFolder', folderId: a, name: 'A' });
  assert.ok(names(box).includes('A/b'));
  const rename = (folderId: number, name: string) => () => box.ask({ kind: 'renameFolder', folderId, name });
  assert.throws(rename(a, 'sent'), refusal('folderExists'));
  assert.throws(rename(a, 'inbox'), refusal('folderExists'));
  assert.throws(rename(a, 'a/b/c'), refusal('badFolderName'));
  assert.throws(rename(a, 'A/x'), refusal('badFolderName'));
  assert.throws(rename(inbox, 'Other'), refusal('inboxStays'));
  assert.throws(rename(99, 'Other'), refusal('noSuchFolder'));
  assert.throws(rename(a, `${'x/'.repeat(31)}y`), refusal('badFolderName'));
});

void test('a deleted folder is gone at once, its messages soon after, and its name brings back no UID', () => {
  const box = new MailboxBench();
  const old = make(box, 'Old');
  for (let i = 0; i < 1200; i++) box.deliver({ folder: 'Old' });
  const { uidValidity } = box.folder('Old');
  box.ask({ kind: 'deleteFolder', folderId: old });
  assert.ok(!names(box).includes('Old'));
  assert.throws(() => box.setFlags([1], 'add', ['\\Seen'], old), refusal('noSuchFolder'));
  const anew = make(box, 'Old');
  assert.notEqual(anew, old);
  assert.ok(box.folder('Old').uidValidity > uidValidity);
  box.advance(1000);
  assert.deepEqual(box.messages(old), []);
  assert.deepEqual(box.holds.size, 0);
  assert.deepEqual(box.disagreements(), []);
  assert.deepEqual(box.rows('z'), []);
  assert.deepEqual([...box.timers.keys()], ['tombstones']);
});

void test('INBOX and folders with others below them are not deleted', () => {
  const box = new MailboxBench();
  const a = make(box, 'a');
  const b = make(box, 'a/b');
  const remove = (folderId: number) => box.ask({ kind: 'deleteFolder', folderId });
  assert.throws(() => remove(a), refusal('folderHasChildren'));
  assert.throws(() => remove(inbox), refusal('inboxStays'));
  remove(b);
  remove(a);
  assert.deepEqual(names(box), first);
  assert.throws(() => remove(a), refusal('noSuchFolder'));
});

void test('a mailbox has at most 10,000 folders, and all of them can be listed', () => {
  const box = new MailboxBench();
  for (let i = 0; i < 9994; i++) make(box, `f${i}`);
  assert.throws(() => make(box, 'one more'), refusal('tooManyFolders'));
  assert.equal(box.folders().length, 10_000);
});
