/**
 * Takes away what has had its time: events, and dedup records of callers that went silent. It goes through the log
 * like everything else, at entry time, one shard after another, so that no replica decides it by a clock of its own.
 */
import type { Clock } from '../base/clock.ts';
import { type ShardId, shardId } from '../base/ids.ts';
import { decodeRow } from '../codec/row.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoreOp } from '../store/store.ts';
import type { StoredDedup } from './dedup.ts';
import type { ShardLog } from './log.ts';
import type { ShardTable } from './shard-state.ts';
import type { TurnRunner, StoredEvents } from './turn-runner.ts';

const dayMs = 86_400_000;
/** How long a mail's history can be asked for. */
export const eventsKeptMs = 30 * dayMs;
/** How long a retry of a command still meets its record, when its caller sent nothing since. */
export const dedupKeptMs = dayMs;
/** One shard at a time, this often: 256 shards take about twenty minutes. */
const strideMs = 5_000;
/** Rows looked at in one stride. */
const rowsMax = 500;

export interface JanitorOptions {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly clock: Clock;
  readonly runner: TurnRunner;
  readonly enqueue: (work: () => void) => void;
}

export class Janitor {
  readonly #o: JanitorOptions;
  #next = 0;
  #cancel: (() => void) | undefined;
  readonly #dedupFrom: (RowKey | undefined)[] = [];

  constructor(options: JanitorOptions) {
    this.#o = options;
  }

  start(): void {
    this.#cancel = this.#o.clock.after(strideMs, () => {
      this.#o.enqueue(() => this.sweep(shardId(this.#next)));
      this.#next = (this.#next + 1) % this.#o.shards.count;
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  /** One stride over one shard, where it is served. */
  sweep(shard: ShardId): void {
    if (this.#o.shards.find(shard) === undefined) return;
    const timeMs = this.#o.runner.entryTime(shard);
    const rows = [...this.#oldEvents(shard, timeMs), ...this.#oldDedup(shard, timeMs)];
    if (rows.length > 0) this.#o.log.append(shard, { timeMs, rows, holds: [], bodies: [] });
  }

  /** Subjects sort by their time, so the oldest stand in front. */
  #oldEvents(shard: ShardId, nowMs: number): StoreOp[] {
    const ops: StoreOp[] = [];
    for (const row of this.#o.store.range({ ...below(rowKey([keyspace.event, shard])), limit: rowsMax })) {
      const { atMs } = decodeRow(row.value).value as StoredEvents;
      if (atMs > nowMs - eventsKeptMs) break;
      ops.push({ key: row.key, value: null });
    }
    return ops;
  }

  #oldDedup(shard: ShardId, nowMs: number): StoreOp[] {
    const ops: StoreOp[] = [];
    const all = below(rowKey([keyspace.dedup, shard]));
    const start = this.#dedupFrom[shard] ?? all.start;
    const rows = this.#o.store.range({ start, end: all.end, limit: rowsMax });
    for (const row of rows) {
      const { atMs } = decodeRow(row.value).value as StoredDedup;
      if (atMs > nowMs - dedupKeptMs) continue;
      ops.push({ key: row.key, value: null });
      const [, , caller, seq] = keyParts(row.key) as [string, number, string, number];
      this.#o.shards.of(shard).dedup.forget(caller, seq);
    }
    this.#dedupFrom[shard] = rows.length < rowsMax ? undefined : rows.at(-1)!.key;
    return ops;
  }
}
