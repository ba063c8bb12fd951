/** What the engine keeps in memory of one shard. */
import { type ShardId, shardId } from '../base/ids.ts';
import { decodeRow } from '../codec/row.ts';
import { keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import { DedupTable } from './dedup.ts';
import { OutputGate } from './gate.ts';
import type { ShardLog } from './log.ts';

export class ShardState {
  readonly shard: ShardId;
  readonly gate: OutputGate;
  readonly dedup: DedupTable;
  /** Commands that wait in the backlogs of this shard's actors. */
  backlogCommands = 0;
  readonly #store: ReadableStore;
  readonly #outboxHeads = new Map<ShardId, number>();
  readonly #inboxLasts = new Map<ShardId, number>();

  constructor(shard: ShardId, store: ReadableStore, log: ShardLog) {
    this.shard = shard;
    this.#store = store;
    this.gate = new OutputGate(log.committedIndex(shard));
    this.dedup = new DedupTable(shard, store);
  }

  /** The next sequence for a notice to `target`: dense, from 1. */
  nextOutboxSeq(target: ShardId): number {
    const next = (this.#outboxHeads.get(target) ?? this.#counter(keyspace.outboxHead, target)) + 1;
    this.#outboxHeads.set(target, next);
    return next;
  }

  /** The last sequence from `source` that had its effect here, committed or on the way. */
  inboxLast(source: ShardId): number {
    const known = this.#inboxLasts.get(source);
    if (known !== undefined) return known;
    const last = this.#counter(keyspace.inbox, source);
    this.#inboxLasts.set(source, last);
    return last;
  }

  setInboxLast(source: ShardId, seq: number): void {
    this.#inboxLasts.set(source, seq);
  }

  #counter(space: string, other: ShardId): number {
    const bytes = this.#store.get(rowKey([space, this.shard, other]));
    return bytes === undefined ? 0 : (decodeRow(bytes).value as number);
  }
}

export class ShardTable {
  readonly count: number;
  readonly #states: ShardState[] = [];

  constructor(count: number, store: ReadableStore, log: ShardLog) {
    this.count = count;
    for (let shard = 0; shard < count; shard++) this.#states.push(new ShardState(shardId(shard), store, log));
  }

  of(shard: ShardId): ShardState {
    return this.#states[shard]!;
  }

  all(): readonly ShardState[] {
    return this.#states;
  }
}
