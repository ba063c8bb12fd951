import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

const dayMs = 24 * 3_600_000;
const changesOf = (box: MailboxBench, since: number, limit = 1000) => box.query({ kind: 'changes', since, limit });
const short = (box: MailboxBench, since: number) =>
  changesOf(box, since).changes.map(({ what, uid }) => `${what} ${uid}`);

void test('the feed has the last change of each message, and the removals', () => {
  const box = new MailboxBench();
  const start = box.query({ kind: 'summary' }).highestModSeq;
  box.deliverMany(3);
  assert.deepEqual(short(box, start), ['added 1', 'added 2', 'added 3']);
  const seen = box.query({ kind: 'summary' }).highestModSeq;
  box.setFlags([1], 'add', ['\\Seen']);
  box.ask({ kind: 'expunge', folderId: inbox, uids: [2] });
  box.deliver();
  assert.deepEqual(short(box, seen), ['flags 1', 'removed 2', 'added 4']);
  assert.deepEqual(short(box, start), ['added 3', 'flags 1', 'removed 2', 'added 4']);
  assert.equal(box.folder('INBOX').highestModSeq, box.query({ kind: 'summary' }).highestModSeq);
});

void test('the feed is read page by page and nothing is passed over', () => {
  const box = new MailboxBench();
  box.deliverMany(30);
  box.ask({ kind: 'expunge', folderId: inbox, uids: [3, 5, 7, 20] });
  const all = changesOf(box, 0).changes;
  const paged = [];
  let since: number | null = 0;
  while (since !== null) {
    const page: ReturnType<typeof changesOf> = changesOf(box, since, 4);
    paged.push(...page.changes);
    since = page.next;
  }
  assert.deepEqual(paged, all);
  assert.equal(all.length, 30);
});

void test('removals are remembered for 30 days; who comes later is told that some are missing', () => {
  const box = new MailboxBench();
  box.deliverMany(1300);
  const seen = box.query({ kind: 'summary' }).highestModSeq;
  box.ask({ kind: 'expunge', folderId: inbox, uids: box.uids().slice(0, 1100) });
  box.advance(20 * dayMs);
  box.ask({ kind: 'expunge', folderId: inbox, uids: [1200] });
  assert.equal(changesOf(box, seen).isComplete, true);
  assert.equal(box.rows('g').length, 1101);
  box.advance(11 * dayMs);
  assert.equal(box.rows('g').length, 1);
  assert.equal(changesOf(box, seen).isComplete, false);
  assert.equal(changesOf(box, 0).isComplete, true);
  assert.equal(changesOf(box, box.query({ kind: 'summary' }).highestModSeq).isComplete, true);
  box.advance(20 * dayMs);
  assert.deepEqual(box.rows('g'), []);
  assert.deepEqual([...box.timers], []);
  assert.deepEqual(box.disagreements(), []);
});
