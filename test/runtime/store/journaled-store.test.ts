/** The store with a journal: the contract of all stores, and what an earlier life left in the files. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { firstRecordAt } from '../../../runtime/store/journal-record.ts';
import { journalPaths } from '../../../runtime/store/journal-file.ts';
import { type JournaledStore, openJournaledStore } from '../../../runtime/store/journaled-store.ts';
import { keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import type { Store } from '../../../runtime/store/store.ts';
import { batchOps, wholeBatches } from './numbered-batches.ts';
import { type OpenedStore, storeContract } from './store-contract.ts';
import { directoryOf, temporaryDirectory } from './temporary-directory.ts';

const fatal = (error: unknown): void => assert.fail(String(error));
const openOver = (tree: Store, directory: string, checkpointBytes: number): Promise<JournaledStore> =>
  openJournaledStore({
    ...{ tree, path: join(directory, 'journal'), checkpointBytes, transactionRows: 3, preparedBytes: 1_000_000 },
    ...{ clock: systemClock, random: systemRandom, fatal },
  });

async function openIn(path: string, checkpointBytes: number, remove: () => void): Promise<OpenedStore> {
  const tree = await openLmdbStore({ path: join(path, 'store.lmdb'), clock: systemClock, fatal });
  const store = await openOver(tree, path, checkpointBytes);
  return {
    store: withoutMark(store),
    async reopen() {
      await store.close();
      return openIn(path, checkpointBytes, () => undefined);
    },
    async close() {
      await store.close();
      remove();
    },
  };
}

/** The store's own row would surprise a contract that looks at everything. */
function withoutMark(store: JournaledStore): Store {
  const mark = rowKey([keyspace.meta, 'journal']);
  return {
    get: (key) => store.get(key),
    has: (key) => store.has(key),
    range: (options) => {
      const rows = store.range({ ...options, limit: options.limit < 1 ? options.limit : options.limit + 1 });
      return rows.filter(({ key }) => key !== mark).slice(0, options.limit);
    },
    write: (ops) => store.write(ops),
    stats: () => store.stats(),
    close: () => store.close(),
  };
}

for (const [name, checkpointBytes] of [
  ['journaled store', 1_000_000],
  ['journaled store that is always at a checkpoint', 1],
] as const) {
  storeContract(name, () => {
    const { path, remove } = temporaryDirectory();
    return openIn(path, checkpointBytes, remove);
  });
}

/** Batches 1 … n are acknowledged; none is in the tree. Then the process ends without a word. */
async function leftBehind(directory: string, batches: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const store = await openOver(new MemoryStore({ disk }), directory, 1e9);
  for (let batch = 1; batch <= batches; batch++) await store.write(batchOps(batch));
  return disk;
}

const reopened = async (disk: MemoryDisk, directory: string): Promise<number> =>
  wholeBatches(await openOver(new MemoryStore({ disk: disk.copy() }), directory, 1e9));

/** Places of the records in the first file: each batch takes the same room. */
const placeOf = (record: number): number => firstRecordAt + (record - 1) * 41_472;

function damaged(directory: string, at: number): void {
  const [path] = journalPaths(join(directory, 'journal'));
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

void test('journaled store: what was acknowledged is there at the next start', async (context) => {
  const directory = directoryOf(context);
  const disk = await leftBehind(directory, 5);
  assert.equal(await reopened(disk, directory), 5);
  assert.equal(await reopened(disk, directory), 5, 'a start that did not get to its end changes nothing');
});

void test('journaled store: a last record that is not whole stops the start, if somebody was told of it', async (context) => {
  const directory = directoryOf(context);
  const disk = await leftBehind(directory, 5);
  damaged(directory, placeOf(5) + 100);
  await assert.rejects(reopened(disk, directory), { code: 'dataFileDamaged' });
  // What a power loss may leave of that word: nothing, or half of it.
  damaged(directory, 20);
  assert.equal(await reopened(disk, directory), 4);
});

void test('journaled store: a damaged record with others behind it stops the start', async (context) => {
  for (const at of [placeOf(1), placeOf(1) + 20_000, placeOf(4) + 16]) {
    const directory = directoryOf(context);
    const disk = await leftBehind(directory, 5);
    damaged(directory, at);
    await assert.rejects(reopened(disk, directory), { code: 'dataFileDamaged' });
  }
});

void test('journaled store: a missing file stops the start', async (context) => {
  for (const which of [0, 1] as const) {
    const directory = directoryOf(context);
    const disk = await leftBehind(directory, 1);
    rmSync(journalPaths(join(directory, 'journal'))[which]);
    await assert.rejects(reopened(disk, directory), { code: 'dataMissing' });
  }
});

void test('journaled store: the journal of another store is not taken for its own', async (context) => {
  const [own, other] = [directoryOf(context), directoryOf(context)];
  const disk = await leftBehind(own, 2);
  await leftBehind(other, 7);
  const [from, to] = [join(other, 'journal'), join(own, 'journal')];
  for (const i of [0, 1] as const) writeFileSync(journalPaths(to)[i], readFileSync(journalPaths(from)[i]));
  assert.equal(await reopened(disk, own), 0);
});

void test('journaled store: files whose making was cut short are made to the end', async (context) => {
  const directory = directoryOf(context);
  const disk = new MemoryDisk();
  const releases: (() => void)[] = [];
  const tree = new MemoryStore({ disk, settle: (apply) => releases.push(apply) });
  const opening = openOver(tree, directory, 1e9);
  releases.shift()?.();
  while (releases.length === 0) await new Promise((resolve) => void setImmediate(resolve));
  // The second mark, which says that the files are there, never comes; nor does one of the files.
  tree.halt();
  rmSync(journalPaths(join(directory, 'journal'))[1]);
  assert.equal(await reopened(disk, directory), 0);
  void opening;
});

void test('journaled store: a crash between two transactions of a checkpoint loses nothing and mixes nothing', async (context) => {
  // Two transactions make the store; the checkpoint of three batches has 22 rows.
  for (let transactions = 0; transactions <= 7; transactions++) {
    const directory = directoryOf(context);
    const disk = new MemoryDisk();
    const tree = new MemoryStore({ disk });
    const store = await openOver(tree, directory, 1e9);
    await Promise.all([1, 2, 3].map((batch) => store.write(batchOps(batch))));
    let left = transactions;
    const write = tree.write.bind(tree);
    await new Promise<void>((isCut) => {
      tree.write = (ops) => {
        if (left-- > 0) return write(ops);
        isCut();
        return new Promise(() => undefined);
      };
      void store.close();
    });
    const isBegun = new MemoryStore({ disk: disk.copy() }).has(rowKey(['big', 1]));
    assert.equal(isBegun, transactions > 0, 'the checkpoint is cut in its midst');
    assert.equal(await reopened(disk, directory), 3);
  }
});

void test('journaled store: after a clean end everything is in the tree', async (context) => {
  const directory = directoryOf(context);
  const disk = new MemoryDisk();
  const store = await openOver(new MemoryStore({ disk }), directory, 1e9);
  await Promise.all([1, 2, 3].map((batch) => store.write(batchOps(batch))));
  await store.close();
  assert.equal(wholeBatches(new MemoryStore({ disk })), 3);
  await assert.rejects(store.write(batchOps(4)), { code: 'storeClosed' });
});
