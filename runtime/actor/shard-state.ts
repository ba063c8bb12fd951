/** What the engine keeps in memory of the shards that it serves. It is made anew each time a shard is served. */
import type { ShardId } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';
import { decodeRow } from '../codec/row.ts';
import { keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { Activation } from './activation.ts';
import { DedupTable } from './dedup.ts';
import { OutputGate } from './gate.ts';
import { groupCount } from './shard.ts';
import type { ShardLog } from './log.ts';

export class ShardState {
  readonly shard: ShardId;
  readonly gate: OutputGate;
  readonly dedup: DedupTable;
  readonly activations = new Set<Activation>();
  /** Commands that wait in the backlogs of this shard's actors. */
  backlogCommands = 0;
  /** Answers that wait for a majority to confirm that this node leads. */
  confirming = 0;
  /** False for ever once the shard is lost; when it is served again that is another state. */
  isServed = true;
  /** How often the next notice of a source failed here. */
  readonly noticeFailures = new Map<ShardId, number>();
  readonly #store: ReadableStore;
  readonly #log: ShardLog;
  readonly #outboxHeads = new Map<ShardId, number>();
  readonly #inboxLasts = new Map<ShardId, number>();

  constructor(shard: ShardId, store: ReadableStore, log: ShardLog) {
    this.shard = shard;
    this.#store = store;
    this.#log = log;
    this.gate = new OutputGate(log.committedIndex(shard));
    this.dedup = new DedupTable(shard, store);
  }

  get isDrained(): boolean {
    return this.backlogCommands === 0 && this.confirming === 0 && this.gate.length === 0;
  }

  /** Whether this node still leads, and with this very state: then what was read of it may be shown. */
  confirm(done: (isLeader: boolean) => void): void {
    this.confirming++;
    this.#log.confirm(this.shard, (isLeader) => {
      this.confirming--;
      done(isLeader && this.isServed);
    });
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
    this.noticeFailures.delete(source);
  }

  #counter(space: string, other: ShardId): number {
    const bytes = this.#store.get(rowKey([space, this.shard, other]));
    return bytes === undefined ? 0 : (decodeRow(bytes).value as number);
  }
}

/** The shards that are served, by number. */
export class ShardTable {
  /** Without the cluster's own. */
  readonly count: number;
  readonly #store: ReadableStore;
  readonly #log: ShardLog;
  readonly #states: (ShardState | undefined)[];

  constructor(count: number, store: ReadableStore, log: ShardLog) {
    this.count = count;
    this.#store = store;
    this.#log = log;
    this.#states = Array.from({ length: groupCount(count) }, () => undefined);
  }

  /** Of a shard whose turn is running, so that it is served. */
  of(shard: ShardId): ShardState {
    const state = this.#states[shard];
    invariant(state !== undefined, 'a turn runs only where its shard is served');
    return state;
  }

  /** Undefined: the shard is not served here. */
  find(shard: ShardId): ShardState | undefined {
    return this.#states[shard];
  }

  served(): readonly ShardState[] {
    return this.#states.filter((state) => state !== undefined);
  }

  becomeServed(shard: ShardId): void {
    invariant(this.#states[shard] === undefined, 'a shard is lost before it is served again');
    this.#states[shard] = new ShardState(shard, this.#store, this.#log);
  }

  becomeLost(state: ShardState): void {
    state.isServed = false;
    this.#states[state.shard] = undefined;
  }
}
