import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../../runtime/base/clock.ts';
import { SpaceGuard } from '../../../runtime/store/space-guard.ts';
import type { StoreStats } from '../../../runtime/store/store.ts';

const MiB = 1024 * 1024;

/** A disk and a clock that only the test moves. */
function guardedDisk(): {
  disk: { freeBytes: number; sizeBytes: number; looks: number; answers: boolean };
  pass(ms: number): void;
  guard: SpaceGuard;
} {
  const disk = { freeBytes: 1000 * MiB, sizeBytes: 10 * MiB, looks: 0, answers: true };
  let ms = 0;
  const clock: Clock = { nowMs: () => 0, monotonicMs: () => ms, after: () => () => {}, soon() {} };
  const stats = (): StoreStats => {
    disk.looks++;
    if (!disk.answers) throw new Error('EIO');
    return { freeBytes: disk.freeBytes, sizeBytes: disk.sizeBytes, sizeBytesMax: 10_000 * MiB };
  };
  const pass = (passedMs: number): void => {
    ms += passedMs;
  };
  return { disk, pass, guard: new SpaceGuard({ store: { stats }, clock }) };
}

void test('space guard: it looks at the disk at most once a second', () => {
  const { disk, pass, guard } = guardedDisk();
  for (let i = 0; i < 100; i++) guard.isLow();
  assert.equal(disk.looks, 1);
  pass(999);
  guard.isLow();
  assert.equal(disk.looks, 1);
  pass(1);
  guard.isLow();
  assert.equal(disk.looks, 2);
});

void test('space guard: a burst between two looks cannot overrun it', () => {
  const { disk, guard } = guardedDisk();
  disk.freeBytes = 300 * MiB;
  assert.equal(guard.isLow(), false);
  guard.noteWrite(10 * MiB);
  assert.equal(guard.isLow(), false);
  guard.noteWrite(13 * MiB);
  assert.equal(guard.isLow(), true);
  assert.equal(disk.looks, 1);
});

void test('space guard: what was counted is forgotten when the disk is looked at again', () => {
  const { disk, pass, guard } = guardedDisk();
  guard.noteWrite(900 * MiB);
  assert.equal(guard.isLow(), false, 'the first look is at the disk as it is');
  guard.noteWrite(900 * MiB);
  assert.equal(guard.isLow(), true);
  pass(1000);
  assert.equal(guard.isLow(), false);
  assert.equal(disk.looks, 2);
});

void test('space guard: a map that is nearly full is as bad as a disk that is', () => {
  const { disk, pass, guard } = guardedDisk();
  disk.sizeBytes = 8999 * MiB;
  assert.equal(guard.isLow(), false);
  pass(1000);
  disk.sizeBytes = 9001 * MiB;
  assert.equal(guard.isLow(), true);
});

void test('space guard: it does not waver around its limit', () => {
  const { disk, pass, guard } = guardedDisk();
  disk.freeBytes = 255 * MiB;
  assert.equal(guard.isLow(), true);
  for (const [free, isLow] of [
    [260, true],
    [281, true],
    [282, false],
    [257, false],
    [255, true],
  ] as const) {
    disk.freeBytes = free * MiB;
    pass(1000);
    assert.equal(guard.isLow(), isLow, `${free} MiB`);
  }
});

void test('space guard: a file system that does not answer has no room', () => {
  const { disk, pass, guard } = guardedDisk();
  disk.answers = false;
  assert.equal(guard.isLow(), true);
  assert.equal(guard.describe(), 'room is low: the file system does not say how much is free');
  disk.answers = true;
  pass(1000);
  assert.equal(guard.isLow(), false);
});

void test('space guard: it describes itself in one line', () => {
  const { disk, guard } = guardedDisk();
  disk.freeBytes = 120.5 * MiB;
  assert.equal(guard.describe(), 'room is low: 120 MiB free of at least 256 MiB, map 1 % full of at most 90 %');
});
