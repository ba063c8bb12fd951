import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import {
  type DataDirectory,
  type DataDirectoryOptions,
  openDataDirectory,
} from '../../../runtime/store/data-directory.ts';
import { rowKey } from '../../../runtime/store/keys.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { Child } from './child.ts';
import { directoryOf } from './temporary-directory.ts';

const identity = { clusterId: 'c1', nodeId: nodeId('n1'), shardCount: 16 };
const header = 'ringpost-data.json';

function open(path: string, options: Partial<DataDirectoryOptions> = {}): DataDirectory {
  return openDataDirectory({ path, clock: systemClock, create: () => identity, ...options });
}

/** A directory in which a node has lived. */
async function usedDirectory(path: string): Promise<string> {
  const directory = open(path);
  const store = await openLmdbStore({
    path: directory.storePath,
    clock: systemClock,
    fatal: (error) => assert.fail(String(error)),
  });
  await store.write([{ key: rowKey(['m', 'x']), value: new Uint8Array(100) }]);
  directory.confirmStore();
  await store.close();
  directory.close();
  return path;
}

/** The code with which opening is refused. The text must name the place. */
function refusal(path: string, options: Partial<DataDirectoryOptions> = {}): string {
  try {
    open(path, options).close();
  } catch (error) {
    assert.ok(error instanceof OperationError);
    assert.ok(error.message.includes(path), error.message);
    return error.code;
  }
  return 'none';
}

function rewriteHeader(path: string, fields: object): void {
  const before = JSON.parse(readFileSync(join(path, header), 'utf8')) as object;
  writeFileSync(join(path, header), JSON.stringify({ ...before, ...fields }));
}

void test('data directory: it is made for its owner only, and found again with the same identity', async (context) => {
  const path = join(directoryOf(context), 'deep', 'data');
  await usedDirectory(path);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  for (const name of [header, 'store.lmdb']) assert.equal(statSync(join(path, name)).mode & 0o077, 0, name);
  const again = open(path, { create: () => assert.fail('there is a node already') });
  const { createdMs, ...rest } = again.header;
  assert.deepEqual(rest, { ...identity, formatVersion: 2, hasStore: true });
  assert.ok(createdMs > 0);
  again.close();
});

void test('data directory: an empty one is refused unless a new node is wanted', (context) => {
  const path = directoryOf(context);
  assert.throws(() => openDataDirectory({ path, clock: systemClock }), { code: 'dataDirectoryEmpty' });
  assert.equal(refusal(path), 'none');
});

void test('data directory: a second process is told who is in it', async (context) => {
  const path = directoryOf(context);
  const holder = new Child('holder.child.ts', [path]);
  context.after(() => holder.kill());
  assert.equal(await holder.line(), 'held');
  assert.throws(
    () => open(path),
    (error: OperationError) => {
      assert.equal(error.code, 'dataDirectoryInUse');
      assert.match(error.message, new RegExp(`in use by process ${holder.process.pid} on .*Stop that node first`));
      return true;
    },
  );
});

void test('data directory: kill -9 of the holder frees it at once', async (context) => {
  const path = directoryOf(context);
  for (let round = 0; round < 3; round++) {
    const holder = new Child('holder.child.ts', [path]);
    assert.equal(await holder.line(), 'held');
    await holder.kill();
    assert.equal(refusal(path), 'none');
  }
});

void test('data directory: of many that start at once, one gets in', async (context) => {
  const path = directoryOf(context);
  const children = Array.from({ length: 4 }, () => new Child('holder.child.ts', [path]));
  context.after(() => Promise.all(children.map((child) => child.kill())));
  const said = await Promise.all(children.map((child) => child.line()));
  assert.equal(said.filter((line) => line === 'held').length, 1);
  assert.equal(said.filter((line) => line === 'dataDirectoryInUse').length, 3);
});

void test('data directory: the same process does not get in twice either', (context) => {
  const path = directoryOf(context);
  const first = open(path);
  assert.equal(refusal(path), 'dataDirectoryInUse');
  first.close();
  assert.equal(refusal(path), 'none');
});

void test('data directory: a start that died before its store was made is finished', (context) => {
  const path = directoryOf(context);
  open(path).close();
  assert.equal(open(path, { create: () => assert.fail('it has its identity') }).header.hasStore, false);
});

void test('data directory: a node whose store is gone does not start with an empty one', async (context) => {
  const path = await usedDirectory(directoryOf(context));
  rmSync(join(path, 'store.lmdb'));
  assert.equal(refusal(path), 'dataMissing');
});

void test('data directory: a store without its header is refused', async (context) => {
  const path = await usedDirectory(directoryOf(context));
  rmSync(join(path, header));
  assert.equal(refusal(path), 'dataMissing');
});

void test("data directory: another node's or another program's data are refused", async (context) => {
  const path = await usedDirectory(directoryOf(context));
  assert.equal(refusal(path, { expect: { nodeId: nodeId('n2') } }), 'dataForeign');
  assert.equal(refusal(path, { expect: { clusterId: 'c2', nodeId: nodeId('n1') } }), 'dataForeign');
  assert.equal(refusal(path, { expect: identity }), 'none');
  rewriteHeader(path, { magic: 'something-else' });
  assert.equal(refusal(path), 'dataForeign');
});

void test('data directory: data of a newer version are refused', async (context) => {
  const path = await usedDirectory(directoryOf(context));
  rewriteHeader(path, { formatVersion: 3 });
  assert.equal(refusal(path), 'dataTooNew');
});

void test('data directory: data of before the journal are taken over, and then refused by whom they would surprise', async (context) => {
  const path = await usedDirectory(directoryOf(context));
  rewriteHeader(path, { formatVersion: 1 });
  assert.equal(refusal(path), 'none');
  assert.match(readFileSync(join(path, header), 'utf8'), /"formatVersion": 2/);
});

void test('data directory: a damaged header is refused', async (context) => {
  const path = await usedDirectory(directoryOf(context));
  rewriteHeader(path, { shardCount: 'many' });
  assert.equal(refusal(path), 'dataFileDamaged');
  writeFileSync(join(path, header), '{"magic": "ringp');
  assert.equal(refusal(path), 'dataFileDamaged');
});

void test('data directory: a damaged store is refused before LMDB maps it', async (context) => {
  const path = await usedDirectory(directoryOf(context));
  writeFileSync(join(path, 'store.lmdb'), Buffer.alloc(50_000, 'garbage '));
  assert.equal(refusal(path), 'dataFileDamaged');
});

void test('data directory: one that cannot be made is refused at once', () => {
  assert.throws(
    () => openDataDirectory({ path: '/proc/ringpost', clock: systemClock, create: () => identity }),
    (error: OperationError) => error.code === 'dataDirectoryUnusable',
  );
});

void test('data directory: a path that cannot be one is refused', (context) => {
  const file = join(directoryOf(context), 'file');
  writeFileSync(file, '');
  assert.equal(refusal(join(file, 'data')), 'dataDirectoryUnusable');
});
