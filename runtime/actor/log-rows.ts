/** The rows of the local log: one a group commit, and the marks that say how far it is in the tree. */
import { decodeRow, encodeRow, encodeRowAgain } from '../codec/row.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoreOp } from '../store/store.ts';
import type { BodyHold } from './log.ts';

const logRowVersion = 1;

/** Key, value, key, value …: pairs would cost a tenth more to pack. */
export type StoredOps = readonly (string | Uint8Array | null)[];

/** One entry, as its batch holds it. `hashes`: the bodies that it names. */
export type StoredEntry = readonly [
  shard: number,
  term: number,
  index: number,
  timeMs: number,
  rows: StoredOps,
  holds: readonly BodyHold[],
  hashes: readonly string[],
];

/** All entries of one group commit, and the rows that follow from them here: references and candidates of bodies. */
export interface Batch {
  readonly entries: readonly StoredEntry[];
  readonly bodyRows: StoredOps;
}

export interface Applied {
  readonly index: number;
  readonly timeMs: number;
}

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

/** Everything that a batch changes in the tree, in order. */
export function batchOps({ entries, bodyRows }: Batch): StoreOp[] {
  return [...entries.flatMap((entry) => opsOf(entry[4])), ...opsOf(bodyRows)];
}

export const batchKey = (batch: number): RowKey => rowKey([keyspace.log, batch]);

/** One is written at a time: the bytes are overwritten by the next call. */
export const batchRow = (batch: number, of: Batch): StoreOp => ({
  key: batchKey(batch),
  value: encodeRowAgain(logRowVersion, of),
});

/** The kept batches, oldest first, one read at a time: a batch may hold megabytes. */
export function* keptBatches(store: ReadableStore): Iterable<readonly [batch: number, of: Batch]> {
  const all = below(rowKey([keyspace.log]));
  for (let start = all.start; ; ) {
    const [row] = store.range({ start, end: all.end, limit: 1 });
    if (row === undefined) return;
    const batch = keyParts(row.key)[1] as number;
    yield [batch, decodeRow(row.value).value as Batch];
    start = batchKey(batch + 1);
  }
}

const appliedBatchKey = rowKey([keyspace.applied]);
const appliedKey = (shard: number): RowKey => rowKey([keyspace.applied, shard]);

/** The last batch whose rows are all in the tree, with the positions that the shards had then. */
export function appliedRows(batch: number, positions: ReadonlyMap<number, Applied>): StoreOp[] {
  const rows: StoreOp[] = [{ key: appliedBatchKey, value: encodeRow(logRowVersion, batch) }];
  for (const [shard, applied] of positions)
    rows.push({ key: appliedKey(shard), value: encodeRow(logRowVersion, applied) });
  return rows;
}

export function readAppliedBatch(store: ReadableStore): number {
  const row = store.get(appliedBatchKey);
  return row === undefined ? 0 : (decodeRow(row).value as number);
}

export function readApplied(store: ReadableStore, shard: number): Applied {
  const row = store.get(appliedKey(shard));
  return row === undefined ? { index: 0, timeMs: 0 } : (decodeRow(row).value as Applied);
}
