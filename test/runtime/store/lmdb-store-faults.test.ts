/** What the store on disk promises when its process or its disk fails. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { Child } from './child.ts';
import { wholeBatches } from './numbered-batches.ts';
import { directoryOf } from './temporary-directory.ts';

/** Makes system calls fail; where it is not installed, the tests that need it are skipped. */
const faultTool = 'strace';
const skip = spawnSync(faultTool, ['-V']).status === 0 ? false : `${faultTool} is not installed`;

async function batchesIn(path: string): Promise<number> {
  const store = await openLmdbStore({ path, clock: systemClock, fatal: (error) => assert.fail(String(error)) });
  const batches = wholeBatches(store);
  await store.close();
  return batches;
}

void test('lmdb store: kill -9 leaves whole batches only, and all that had settled', async (context) => {
  const path = join(directoryOf(context), 'store.lmdb');
  for (let round = 0; round < 10; round++) {
    const writer = new Child('writer.child.ts', [path]);
    context.after(() => writer.kill());
    const settledWanted = 1 + Math.floor(Math.random() * 40);
    let settled = '';
    for (let i = 0; i < settledWanted; i++) settled = (await writer.line()) ?? 'ended';
    await writer.kill();
    assert.match(settled, /^settled \d+$/);
    const reported = Number(settled.split(' ')[1]);
    const kept = await batchesIn(path);
    assert.ok(kept >= reported, `batch ${reported} had settled, and ${kept} are there`);
  }
});

/** Runs the writer with a system call of LMDB's failing, and returns what it said. */
async function sayingWith(path: string, fault: string): Promise<string[]> {
  const call = fault.split(':')[0] as string;
  const writer = new Child(
    'writer.child.ts',
    [path],
    [faultTool, '-f', '-qq', '-o', '/dev/null', `-etrace=${call}`, `-einject=${fault}`],
  );
  const lines: string[] = [];
  for (let line = await writer.line(); line !== undefined; line = await writer.line()) lines.push(line);
  await writer.exited();
  return lines;
}

void test('lmdb store: a failed fsync is told once, settles nothing and ends all writing', {
  skip,
}, async (context) => {
  const path = join(directoryOf(context), 'store.lmdb');
  const lines = await sayingWith(path, 'fdatasync:error=EIO:when=1+');
  assert.deepEqual(lines, ['failed storeFailed Error: Input/output error', 'refused storeFailed', 'closed']);
  assert.equal(await batchesIn(path), 0);
});

void test('lmdb store: a disk that fails in the middle keeps what had settled', { skip }, async (context) => {
  const path = join(directoryOf(context), 'store.lmdb');
  const lines = await sayingWith(path, 'fdatasync:error=EIO:when=4+');
  const settled = lines.filter((line) => line.startsWith('settled'));
  assert.deepEqual(lines.slice(settled.length), [
    'failed storeFailed Error: Input/output error',
    'refused storeFailed',
    'closed',
  ]);
  assert.ok(settled.length > 0);
  assert.ok((await batchesIn(path)) >= settled.length);
});
