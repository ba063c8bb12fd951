/** Batches of rows in which a part, a hole and a foreign value show. */
import assert from 'node:assert/strict';
import { below, keyParts, rowKey } from '../../../runtime/store/keys.ts';
import type { Store, StoreOp } from '../../../runtime/store/store.ts';

const rowsEach = 6;
const lastKey = rowKey(['last']);

/** Small rows far from one another, a big one, and one that every batch overwrites. */
export function batchOps(batch: number): StoreOp[] {
  const ops: StoreOp[] = [];
  for (let i = 0; i < rowsEach; i++) {
    ops.push({ key: rowKey(['row', (batch * 7919 + i * 104_729) % 1_000_003, batch]), value: Buffer.from(`${batch}`) });
  }
  ops.push({ key: rowKey(['big', batch]), value: Buffer.alloc(40_000, batch % 256) });
  ops.push({ key: lastKey, value: Buffer.from(`${batch}`) });
  return ops;
}

/** The youngest batch in the store; 0 when there is none. */
export function lastBatch(store: Store): number {
  const row = store.get(lastKey);
  return row === undefined ? 0 : Number(new TextDecoder().decode(row));
}

/** Asserts that the store holds batches 1 … n whole and nothing else. @returns n */
export function wholeBatches(store: Store): number {
  const last = lastBatch(store);
  const found = new Map<number, number>();
  for (const { key, value } of store.range({ ...below(rowKey(['row'])), limit: 1_000_000 })) {
    const batch = keyParts(key)[2] as number;
    assert.equal(new TextDecoder().decode(value), `${batch}`);
    found.set(batch, (found.get(batch) ?? 0) + 1);
  }
  for (let batch = 1; batch <= last; batch++) {
    assert.equal(found.get(batch), rowsEach, `batch ${batch} of ${last} is whole`);
    const big = store.get(rowKey(['big', batch]));
    assert.ok(big?.byteLength === 40_000 && big.every((byte) => byte === batch % 256));
  }
  assert.equal(found.size, last, 'no batch in part');
  return last;
}
