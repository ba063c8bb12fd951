import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { contradicts, marksKeptMax, openMarks } from '../../../cluster/identity/marks.ts';
import type { Mark } from '../../../cluster/metadata/protocol.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import { keyspace, rowKey } from '../../../runtime/store/keys.ts';

const open = (disk: MemoryDisk) => openMarks(new MemoryStore({ disk }), systemRandom);

void test('each start has the next number, a nonce of its own, and what was before it', async () => {
  const disk = new MemoryDisk();
  const first = await open(disk);
  assert.equal(first.incarnation, 1);
  assert.deepEqual(
    first.marks().map(({ number }) => number),
    [1],
  );
  const between = await first.next();
  assert.equal(between.number, 2);
  assert.deepEqual(first.current(), between);
  const second = await open(disk);
  assert.equal(second.incarnation, 2);
  assert.deepEqual(second.marks().slice(1), first.marks());
  assert.equal(second.current().number, 3);
  assert.equal(new Set(second.marks().map(({ nonce }) => nonce)).size, 3);
});

void test('a mark is told of only when it is on disk', async () => {
  const disk = new MemoryDisk();
  const settles: (() => void)[] = [];
  const store = new MemoryStore({ disk, settle: (apply) => settles.push(apply) });
  let isOpen = false;
  const opening = openMarks(store, systemRandom).then((marks) => {
    isOpen = true;
    return marks;
  });
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  assert.equal(isOpen, false);
  settles.shift()?.();
  const marks = await opening;
  const next = marks.next();
  for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  assert.equal(marks.current().number, 1);
  settles.shift()?.();
  assert.equal((await next).number, 2);
  assert.equal(marks.current().number, 2);
});

void test('marks that are asked for at once have numbers of their own', async () => {
  const marks = await open(new MemoryDisk());
  const made = await Promise.all([marks.next(), marks.next(), marks.next()]);
  assert.deepEqual(
    made.map(({ number }) => number),
    [2, 3, 4],
  );
});

void test('a thousand marks are kept', async () => {
  const disk = new MemoryDisk();
  const marks = await open(disk);
  for (let made = 0; made < marksKeptMax + 5; made++) await marks.next();
  const kept = (await open(disk)).marks();
  assert.equal(kept.length, marksKeptMax);
  assert.equal(kept.at(-1)?.number, kept[0]!.number - marksKeptMax + 1);
});

void test('a rotten row keeps the node from starting, rather than making its disk look empty', async () => {
  const disk = new MemoryDisk();
  await open(disk);
  const store = new MemoryStore({ disk });
  await store.write([{ key: rowKey([keyspace.meta, 'marks']), value: Uint8Array.of(1, 2, 3) }]);
  await assert.rejects(openMarks(store, systemRandom), { code: 'marksDamaged', message: /backup/ });
});

const mark = (number: number, nonce = `n${number}`): Mark => ({ number, nonce });

void test('an older disk lacks the mark that is remembered, or has another nonce under its number', () => {
  const table: readonly [string, Mark, readonly Mark[], boolean][] = [
    ['the same', mark(3), [mark(3), mark(2), mark(1)], false],
    ['its future', mark(3), [mark(5), mark(4), mark(3)], false],
    ['its past', mark(3), [mark(2), mark(1)], true],
    ['an empty one', mark(3), [], true],
    ['its past, started until the number was high enough', mark(3), [mark(3, 'x'), mark(2), mark(1)], true],
    ['and further', mark(3), [mark(4, 'x'), mark(3, 'x'), mark(2)], true],
    ['fallen off the end: believed', mark(3), [mark(1_005), mark(1_004)], false],
    ['a list with a hole where it should be', mark(3), [mark(4), mark(2)], true],
    ['in no order', mark(3), [mark(1), mark(3), mark(2)], false],
  ];
  for (const [name, remembered, marks, expected] of table) {
    assert.equal(contradicts(remembered, marks), expected, name);
  }
});

void test('whatever was done to a disk, its own future is believed and any other history is not', () => {
  const starts = fc.array(fc.constantFrom('start', 'put back'), { maxLength: 40 });
  fc.assert(
    fc.property(starts, fc.nat({ max: 40 }), (events, backupAt) => {
      let nonces = 0;
      let disk: readonly Mark[] = [];
      let backup: readonly Mark[] = [];
      let remembered: Mark | null = null;
      let isPutBack = false;
      events.forEach((event, at) => {
        if (at === backupAt) backup = disk;
        if (event === 'put back' && at > backupAt && !isPutBack && backup.length < disk.length) {
          disk = backup;
          isPutBack = true;
        }
        disk = [mark((disk[0]?.number ?? 0) + 1, `nonce ${nonces++}`), ...disk];
        if (remembered !== null) assert.equal(contradicts(remembered, disk), isPutBack);
        if (!isPutBack) remembered = disk[0]!;
      });
    }),
  );
});
