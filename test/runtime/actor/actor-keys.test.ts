import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actorKeys } from '../../../runtime/actor/actor-keys.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import type { RangeOptions } from '../../../runtime/store/store.ts';
import { keyspace, rowKey } from '../../../runtime/store/keys.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';

const shardCount = 16;

/** Actors of two kinds with many rows each, straight into a store. */
async function storeWith(keys: readonly string[], rowsEach: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  const value = new Uint8Array(1);
  for (const kind of ['queue', 'queuf', 'que']) {
    const ops = keys.flatMap((key) => {
      const shard = shardOf(kind, key, shardCount);
      const parts = (row: number) => [keyspace.state, shard, kind, key, 'q', row];
      return Array.from({ length: rowsEach }, (_, row) => ({ key: rowKey(parts(row)), value }));
    });
    await store.write(ops);
  }
  return store;
}

/** Counts what is read. */
function watched(store: ReadableStore) {
  const cost = { reads: 0, rows: 0 };
  const range = (options: RangeOptions) => {
    const rows = store.range(options);
    cost.reads++;
    cost.rows += rows.length;
    return rows;
  };
  return { cost, store: { range } as unknown as ReadableStore };
}

const names = Array.from({ length: 200 }, (_, i) => `d${i}.example`);
/** Prefixes of each other, and what sorts around the separators of keys. */
const keys = [...names, 'a', 'a.b', 'a-b', 'ab', 'a\x05', 'é.example', '[192.0.2.1]', 'x'.repeat(255), 'x'.repeat(320)];
const inOrder = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

void test('all actors of a kind are listed once, in order, over pages of any size', async () => {
  const store = await storeWith(keys, 3);
  for (const limit of [1, 7, 50, keys.length, 1_000]) {
    const listed: string[] = [];
    for (let after: string | null = null; ; after = listed.at(-1) as string) {
      const page = await actorKeys(store, shardCount, { kind: 'queue', after, limit }, () => Promise.resolve());
      listed.push(...page);
      if (page.length < limit) break;
    }
    assert.deepEqual(listed, inOrder, `pages of ${limit}`);
  }
});

void test('a page costs a row for each shard and each actor, however many rows they have', async () => {
  const { store, cost } = watched(await storeWith(names, 300));
  const page = await actorKeys(store, shardCount, { kind: 'queue', after: null, limit: 20 }, () => Promise.resolve());
  assert.equal(page.length, 20);
  assert.ok(cost.rows <= shardCount + 20 && cost.reads <= shardCount + 20, JSON.stringify(cost));
});

void test('a long page lets the loop do other work in between', async () => {
  const store = await storeWith(names, 1);
  let pauses = 0;
  const pause = () => {
    pauses++;
    return Promise.resolve();
  };
  await actorKeys(store, shardCount, { kind: 'queue', after: null, limit: 1_000 }, pause);
  assert.ok(pauses >= 3, String(pauses));
  assert.deepEqual(await actorKeys(store, shardCount, { kind: 'none', after: null, limit: 10 }, pause), []);
});
