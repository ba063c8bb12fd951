/** What every store asks of its callers. A breach is a bug, found before anything is written. */
import { invariant } from '../base/invariant.ts';
import type { RangeOptions, StoreOp } from './store.ts';

/** LMDB's limit with pages of 4 KiB. */
export const keyBytesMax = 1978;

/** @throws {InvariantError} */
export function requireSoundOps(ops: readonly StoreOp[]): void {
  for (const { key, value } of ops) {
    invariant(key.length >= 1 && key.length <= keyBytesMax, `a key has 1 to ${keyBytesMax} bytes`);
    invariant(value === null || value instanceof Uint8Array, 'a value is bytes');
  }
}

/** @throws {InvariantError} */
export function requireSoundRange({ limit }: RangeOptions): void {
  invariant(Number.isInteger(limit) && limit >= 1, 'a range has a limit of at least one row');
}
