/**
 * The marks that say how far the tree is: `['a']` the last batch that is in it, `['a', shard]` what was applied then.
 *
 * Leaves to others: when they are written (`checkpoints.ts`).
 */
import { logIndex, type ShardId, term } from '../../runtime/base/ids.ts';
import { decodeRow, encodeRow } from '../../runtime/codec/row.ts';
import { keyspace, type RowKey, rowKey } from '../../runtime/store/keys.ts';
import type { ReadableStore } from '../../runtime/store/layered-store.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import type { AppliedPosition } from './hosted-group.ts';

const version = 1;
const batchKey = rowKey([keyspace.applied]);
const positionKey = (shard: number): RowKey => rowKey([keyspace.applied, shard]);

/** @param positions of the shards that changed since the last time */
export function appliedRows(batch: number, positions: ReadonlyMap<ShardId, AppliedPosition>): StoreOp[] {
  const rows: StoreOp[] = [{ key: batchKey, value: encodeRow(version, batch) }];
  for (const [shard, applied] of positions) rows.push({ key: positionKey(shard), value: encodeRow(version, applied) });
  return rows;
}

/** 0: none. */
export function readAppliedBatch(store: ReadableStore): number {
  const row = store.get(batchKey);
  return row === undefined ? 0 : (decodeRow(row).value as number);
}

export function readApplied(store: ReadableStore, shard: ShardId): AppliedPosition {
  const row = store.get(positionKey(shard));
  if (row === undefined) return { index: logIndex(0), term: term(0), timeMs: 0, hash: 0 };
  const applied = decodeRow(row).value as Partial<AppliedPosition> & Pick<AppliedPosition, 'index' | 'timeMs'>;
  // As the lone log wrote it (`lone-batch.ts`): no hash, and all its entries are of term 1.
  return { term: term(1), hash: 0, ...applied };
}
