/**
 * The port to the node's durable memory: one ordered keyspace, atomic durable batches, reads of committed state.
 *
 * Promises (kept by `lmdb-store.ts` and `memory-store.ts`, and tested on both by the same contract):
 * - a batch is applied whole or not at all, and `write` settles only after it would survive a power loss;
 * - nothing can be read before it is durable;
 * - batches become durable in the order of their `write` calls;
 * - a failed `write` means that the node must stop: the store takes nothing more.
 *
 * Leaves to others: what rows mean (`keys.ts`), checksums (`codec/row.ts`), grouping (`cluster/groups/writer.ts`).
 */
import type { RowKey } from './keys.ts';

export interface StoreOp {
  readonly key: RowKey;
  /** `null` deletes; deleting what is not there is fine. The bytes must not change until `write` settles. */
  readonly value: Uint8Array | null;
}

export interface RangeOptions {
  /** Inclusive. */
  readonly start: RowKey;
  /** Exclusive. */
  readonly end: RowKey;
  /** Required, since a long read keeps old pages alive and stalls the loop: read on from the last key. */
  readonly limit: number;
  /** From the end downwards. */
  readonly reverse?: boolean;
}

export interface StoredRow {
  readonly key: RowKey;
  readonly value: Uint8Array;
}

export interface StoreStats {
  /** Bytes of the store that hold data or free pages. */
  readonly sizeBytes: number;
  /** What the file may grow to. */
  readonly sizeBytesMax: number;
  /** Free bytes on the file system below it. */
  readonly freeBytes: number;
}

export interface Store {
  /** The committed value, as bytes of the caller's own; undefined when there is none. */
  get(key: RowKey): Uint8Array | undefined;
  has(key: RowKey): boolean;
  /** Committed rows in key order (bytewise). The array is complete: nothing stays open. */
  range(options: RangeOptions): StoredRow[];
  write(ops: readonly StoreOp[]): Promise<void>;
  stats(): StoreStats;
  close(): Promise<void>;
}
