import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RowKey, rowKey } from '../../../runtime/store/keys.ts';
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import { type OpenedStore, storeContract } from './store-contract.ts';

async function openOn(disk: MemoryDisk): Promise<OpenedStore> {
  const store = new MemoryStore({ disk });
  return {
    store,
    async reopen() {
      await store.close();
      return openOn(disk);
    },
    close: () => store.close(),
  };
}

storeContract('memory store', () => openOn(new MemoryDisk()));

const a = rowKey(['a']);
const op = (key: RowKey, value: number): { key: RowKey; value: Uint8Array } => ({ key, value: Uint8Array.of(value) });

void test('memory store: a write settles when the scheduler says so, and the oldest is always the next', async () => {
  const applies: (() => void)[] = [];
  const store = new MemoryStore({ settle: (apply) => applies.push(apply) });
  const first = store.write([op(a, 1)]);
  const second = store.write([op(a, 2)]);
  assert.equal(store.get(a), undefined, 'not readable before it is durable');
  applies[1]!();
  await first;
  assert.deepEqual(store.get(a), Uint8Array.of(1));
  applies[0]!();
  await second;
  assert.deepEqual(store.get(a), Uint8Array.of(2));
});

void test('memory store: a halted one keeps a prefix of its writes and settles nothing', async () => {
  const applies: (() => void)[] = [];
  const store = new MemoryStore({ settle: (apply) => applies.push(apply) });
  for (let i = 1; i <= 3; i++) void store.write([op(a, i)]).finally(() => assert.fail('settled'));
  store.halt(2);
  for (const apply of applies) apply();
  await assert.rejects(store.write([op(a, 9)]), { code: 'storeClosed' });
  assert.deepEqual(new MemoryStore({ disk: store.disk }).get(a), Uint8Array.of(2));
});

void test('memory store: after a failure nothing becomes durable and the owner is told once', async () => {
  const told: unknown[] = [];
  const store = new MemoryStore({ settle: () => {}, fatal: (error) => told.push(error) });
  const lost = store.write([op(a, 1)]);
  store.fail(new Error('EIO'));
  store.fail(new Error('EIO'));
  await assert.rejects(lost, { code: 'storeFailed' });
  await assert.rejects(store.write([op(a, 2)]), { code: 'storeFailed' });
  assert.equal(store.get(a), undefined);
  assert.equal(told.length, 1);
});

void test('memory store: its size follows puts, overwrites and deletes', () => {
  const disk = new MemoryDisk();
  disk.apply([{ key: a, value: new Uint8Array(10) }]);
  disk.apply([{ key: a, value: new Uint8Array(3) }]);
  assert.equal(disk.sizeBytes, a.length + 3);
  disk.apply([{ key: a, value: null }]);
  assert.equal(disk.sizeBytes, 0);
});

void test('memory store: thousands of keys in any order come back sorted', () => {
  const disk = new MemoryDisk();
  const keyOf = (i: number): RowKey => rowKey(['k', (i * 7919) % 5003]);
  for (let i = 0; i < 5003; i++) disk.apply([op(keyOf(i), 1)]);
  for (let i = 0; i < 5003; i += 2) disk.apply([{ key: keyOf(i), value: null }]);
  const kept = Array.from({ length: 2501 }, (_, i) => keyOf(2 * i + 1)).sort();
  const bounds = ['\x00' as RowKey, '\xff' as RowKey, 10_000] as const;
  assert.deepEqual(
    disk.range(...bounds, false).map((row) => row.key),
    kept,
  );
  assert.deepEqual(
    disk.range(...bounds, true).map((row) => row.key),
    kept.reverse(),
  );
});
