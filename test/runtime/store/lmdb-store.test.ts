import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../../runtime/base/clock.ts';
import { lmdbOptions, type LmdbStore, openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { type OpenedStore, storeContract } from './store-contract.ts';
import { directoryOf, temporaryDirectory } from './temporary-directory.ts';

const openAt = (directory: string): Promise<LmdbStore> =>
  openLmdbStore({
    path: join(directory, 'store.lmdb'),
    clock: systemClock,
    fatal: (error) => assert.fail(String(error)),
  });

async function openIn(directory: { readonly path: string; remove(): void }): Promise<OpenedStore> {
  const store = await openAt(directory.path);
  return {
    store,
    async reopen() {
      await store.close();
      return openIn({ path: directory.path, remove() {} });
    },
    async close() {
      await store.close();
      directory.remove();
    },
  };
}

storeContract('lmdb store', () => openIn(temporaryDirectory()));

void test('lmdb store: it is never opened with an option that gives up durability', () => {
  const options: Record<string, unknown> = { ...lmdbOptions('x', 1) };
  const dangerous = [
    'noSync',
    'noMetaSync',
    'mapAsync',
    'useWritemap',
    'encryptionKey',
    'readOnly',
    'usePreviousSnapshot',
  ];
  for (const name of dangerous) assert.ok(!(name in options), `${name} is not set`);
  assert.equal(options['overlappingSync'], false);
  assert.equal(options['safeRestore'], true);
});

void test('lmdb store: a terabyte of address space takes neither disk nor memory', async (context) => {
  const rssBefore = process.memoryUsage.rss();
  const store = await openAt(directoryOf(context));
  context.after(() => store.close());
  const { sizeBytes, sizeBytesMax } = store.stats();
  assert.equal(sizeBytesMax, 2 ** 40);
  assert.ok(sizeBytes < 100_000);
  assert.ok(process.memoryUsage.rss() - rssBefore < 64 * 1024 * 1024);
});
