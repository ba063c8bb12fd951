/**
 * Batches as a lone node wrote them before its shards were groups: row version 1, and all of a group commit in one row.
 *
 * Nobody writes them any more. They are read when a data directory of then is opened, and go as all batches go.
 */
import { logIndex, type ShardId, shardId, term } from '../../runtime/base/ids.ts';
import type { BodyHold } from '../../runtime/actor/log.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import type { KeptEntry } from './hosted-group.ts';
import { Payload } from './payload.ts';
import { opsOf, type StoredOps } from './stored-ops.ts';

export const loneVersion = 1;

/** `hashes`: the bodies that it names. */
export type LoneEntry = readonly [
  shard: number,
  term: number,
  index: number,
  timeMs: number,
  rows: StoredOps,
  holds: readonly BodyHold[],
  hashes: readonly string[],
];

export interface LoneBatch {
  readonly entries: readonly LoneEntry[];
  /** What follows from them: references and candidates of bodies. */
  readonly bodyRows: StoredOps;
}

/** Everything that a batch changes, in order: it was committed with its row. */
export function loneOps({ entries, bodyRows }: LoneBatch): StoreOp[] {
  return [...entries.flatMap(([, , , , rows]) => opsOf(rows)), ...opsOf(bodyRows)];
}

export function lonePayload([, , , timeMs, rows, holds, hashes]: LoneEntry): Payload {
  return new Payload({ timeMs, rows: opsOf(rows), holds, bodies: [] }, hashes);
}

/** The entry as one of a group; what it holds is on the disk. */
export function keptOfLone(entry: LoneEntry, batch: number): readonly [ShardId, KeptEntry] {
  const [shard, at, index, timeMs, , , hashes] = entry;
  const { rowBytes, sum } = lonePayload(entry);
  const kept: KeptEntry = {
    term: term(at),
    index: logIndex(index),
    // There was one term, and nothing before the first entry.
    previousTerm: term(index > 1 ? at : 0),
    kind: 'data',
    bytes: rowBytes,
    timeMs,
    hashes,
    configuration: null,
    sum,
    batch,
    payload: null,
    pendingBytes: 0,
  };
  return [shardId(shard), kept];
}
