/** Puts and deletes as a batch holds them. */
import type { RowKey } from '../../runtime/store/keys.ts';
import type { StoreOp } from '../../runtime/store/store.ts';

/** Key, value, key, value …: pairs would cost a tenth more to pack. */
export type StoredOps = readonly (string | Uint8Array | null)[];

export function storedOps(ops: readonly StoreOp[]): StoredOps {
  const stored: (string | Uint8Array | null)[] = [];
  for (const { key, value } of ops) stored.push(key, value);
  return stored;
}

export function opsOf(stored: StoredOps): StoreOp[] {
  const ops: StoreOp[] = [];
  for (let at = 0; at < stored.length; at += 2) {
    ops.push({ key: stored[at] as RowKey, value: stored[at + 1] as Uint8Array | null });
  }
  return ops;
}
