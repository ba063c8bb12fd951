import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { checkDataFile } from '../../../runtime/store/data-file.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import type { StoreOp } from '../../../runtime/store/store.ts';
import { directoryOf } from './temporary-directory.ts';

const pageBytes = 4096;
const put = (name: string, i: number, bytes: number): StoreOp => ({
  key: rowKey([name, i]),
  value: new Uint8Array(bytes),
});
const remove = (name: string, i: number): StoreOp => ({ key: rowKey([name, i]), value: null });

/** A file that LMDB wrote, one transaction a batch. */
async function storeFile(context: TestContext, batches: readonly (readonly StoreOp[])[]): Promise<string> {
  const path = join(directoryOf(context), 'store.lmdb');
  const store = await openLmdbStore({ path, clock: systemClock, fatal: (error) => assert.fail(String(error)) });
  for (const ops of batches) await store.write(ops);
  await store.close();
  return path;
}

const manyRows = Array.from({ length: 500 }, (_, i) => [put('a', i, 300), put('b', i, i % 10 === 0 ? 70_000 : 10)]);

function refusal(path: string): string {
  try {
    checkDataFile(path, true);
    return 'none';
  } catch (error) {
    assert.ok(error instanceof OperationError);
    return error.code;
  }
}

/** A copy of the file with `change` made to its bytes. */
function changed(path: string, change: (bytes: Buffer) => Buffer): string {
  const copy = `${path}.changed`;
  writeFileSync(copy, change(readFileSync(path)));
  return copy;
}

void test('data file: what LMDB wrote passes, and so does an empty file', async (context) => {
  const path = await storeFile(context, [manyRows.flat()]);
  assert.equal(refusal(path), 'none');
  assert.equal(refusal(changed(path, () => Buffer.alloc(0))), 'none');
});

void test('data file: garbage, zeros and a stump are damaged', async (context) => {
  const path = await storeFile(context, manyRows.slice(0, 5));
  assert.equal(refusal(changed(path, () => Buffer.alloc(9000, 'x'))), 'dataFileDamaged');
  assert.equal(refusal(changed(path, () => Buffer.alloc(9000))), 'dataFileDamaged');
  assert.equal(refusal(changed(path, (bytes) => bytes.subarray(0, 100))), 'dataFileDamaged');
  assert.equal(refusal(changed(path, (bytes) => bytes.subarray(0, pageBytes))), 'dataFileDamaged');
});

void test('data file: each of the two meta pages must be sound', async (context) => {
  const path = await storeFile(context, manyRows.slice(0, 5));
  for (const offset of [0, pageBytes]) {
    const smash = (bytes: Buffer): Buffer => bytes.fill(0xee, offset, offset + 64);
    assert.equal(refusal(changed(path, smash)), 'dataFileDamaged');
  }
});

void test('data file: LMDB formats that are not ours are named', async (context) => {
  const path = await storeFile(context, manyRows.slice(0, 5));
  const withVersion = (version: number) => (bytes: Buffer) => {
    bytes.writeUInt16LE(version, 28);
    return bytes;
  };
  assert.equal(refusal(changed(path, withVersion(1))), 'dataForeign');
  assert.equal(refusal(changed(path, withVersion(3))), 'dataTooNew');
});

void test('data file: one that is cut off anywhere in what it holds is damaged', async (context) => {
  const path = await storeFile(context, [manyRows.flat()]);
  const pages = statSync(path).size / pageBytes;
  for (const kept of [2, 3, 10, Math.floor(pages / 2), pages - 2, pages - 1]) {
    assert.equal(refusal(changed(path, (bytes) => bytes.subarray(0, kept * pageBytes))), 'dataFileDamaged', `${kept}`);
  }
});

void test('data file: one that is short of pages that hold nothing passes', async (context) => {
  // Pages of `big` are taken at the end of the file and given back within the transaction, so they are never written.
  const shrinking = Array.from({ length: 20 }, (_, i) => [
    put('a', i, 300),
    put('big', i, 900_000),
    ...(i > 0 ? [remove('a', i - 1)] : []),
    remove('big', i),
  ]);
  const path = join(directoryOf(context), 'store.lmdb');
  const store = await openLmdbStore({ path, clock: systemClock, fatal: (error) => assert.fail(String(error)) });
  let shortened = 0;
  for (const ops of shrinking) {
    await store.write(ops);
    const bytes = readFileSync(path);
    const lastPage = Math.max(...[0, pageBytes].map((page) => Number(bytes.readBigUInt64LE(page + 144))));
    if (lastPage >= bytes.byteLength / pageBytes) shortened++;
    assert.equal(refusal(path), 'none');
  }
  await store.close();
  context.diagnostic(`${shortened} of ${shrinking.length} files were shorter than their last page says`);
});
