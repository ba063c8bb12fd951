import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperationError } from '../../../runtime/base/errors.ts';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
const flagsOf = (box: MailboxBench) => box.messages().map(({ flags }) => flags);

void test('flags are added, removed and replaced; each change has a MODSEQ of its own', () => {
  const box = new MailboxBench();
  box.deliverMany(3);
  const before = box.query({ kind: 'summary' }).highestModSeq;
  const answer = box.setFlags([1, 2], 'add', ['\\Seen', 'work']);
  assert.deepEqual(answer, { changed: [1, 2], modified: [], modSeq: before + 2 });
  box.setFlags([2], 'remove', ['WORK']);
  box.setFlags([3], 'replace', ['\\Flagged']);
  assert.deepEqual(flagsOf(box), [['\\Seen', 'work'], ['\\Seen'], ['\\Flagged']]);
  assert.equal(box.folder('INBOX').unseen, 1);
  const modSeqs = box.messages().map(({ modSeq }) => modSeq);
  assert.deepEqual(modSeqs, [before + 1, before + 3, before + 4]);
  assert.deepEqual(box.disagreements(), []);
});

void test('what is so already is no change and writes nothing', () => {
  const box = new MailboxBench();
  box.deliver();
  box.setFlags([1], 'add', ['\\Seen', 'Work']);
  assert.deepEqual(box.setFlags([1], 'add', ['work', '\\SEEN']).changed, []);
  assert.equal(box.rowsWritten, 0);
  assert.deepEqual(box.setFlags([1], 'replace', ['\\Seen', 'WORK']).changed, []);
  assert.deepEqual(box.setFlags([1], 'remove', ['\\Draft']).changed, []);
  assert.deepEqual(box.setFlags([1, 7, 1], 'remove', ['\\Seen']).changed, [1]);
});

void test('UNCHANGEDSINCE: a message that changed meanwhile is named and left alone', () => {
  const box = new MailboxBench();
  box.deliverMany(2);
  const seen = box.query({ kind: 'summary' }).highestModSeq;
  box.setFlags([2], 'add', ['\\Answered']);
  const command = { kind: 'setFlags', folderId: inbox, uids: [1, 2], mode: 'add', flags: ['\\Seen'] } as const;
  const answer = box.ask({ ...command, unchangedSince: seen });
  assert.deepEqual([answer.changed, answer.modified], [[1], [2]]);
  assert.deepEqual(flagsOf(box), [['\\Seen'], ['\\Answered']]);
});

void test('flags that are none are refused, \\Recent is dropped', () => {
  const box = new MailboxBench();
  box.deliver();
  for (const bad of ['\\Nonsense', '', 'a b', 'a*', 'a(', 'a"', 'ä', 'x'.repeat(101)]) {
    assert.throws(() => box.setFlags([1], 'add', [bad]), refusal('badFlag'), bad);
  }
  const many = Array.from({ length: 101 }, (_, i) => `k${i}`);
  assert.throws(() => box.setFlags([1], 'add', many), refusal('tooManyFlags'));
  box.setFlags([1], 'add', many.slice(0, 99));
  assert.throws(() => box.setFlags([1], 'add', ['x', 'y']), refusal('tooManyFlags'));
  assert.deepEqual(box.setFlags([1], 'add', ['\\Recent']).changed, []);
  assert.throws(() => box.setFlags([1], 'add', ['\\Seen'], 99), refusal('noSuchFolder'));
});

void test('a STORE of thousands is a chain of turns, and others are served between them', () => {
  const box = new MailboxBench({ rowsPerTurn: 2000 });
  const uids = box.deliverMany(2200);
  let between = 0;
  box.betweenTurns = () => {
    if (between++ > 0) return;
    const turns = box.turns;
    box.deliver();
    box.turns = turns;
  };
  const answer = box.setFlags(uids, 'add', ['\\Deleted']);
  assert.equal(box.turns, 5);
  assert.deepEqual(answer.changed, uids);
  assert.equal(box.messages().filter(({ flags }) => flags.length === 0).length, 1);
  assert.deepEqual(box.disagreements(), []);
});
