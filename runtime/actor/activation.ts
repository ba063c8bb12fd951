/**
 * An actor's life in memory: its backlog, its volatile parts, and the rows that its turns wrote last.
 *
 * `rows` is the overlay - what is written and not yet committed - and also a small cache of what is. That is sound
 * because only the turns of this activation ever change these rows.
 */
import type { LogIndex, ShardId } from '../base/ids.ts';
import type { RowKey } from '../store/keys.ts';
import type { ActorKind } from './actor.ts';

/** Committed rows that an activation keeps for its next turn. More would only cost memory. */
const cachedRowsMax = 12;

export interface CachedRow {
  /** undefined: there is no such row. */
  readonly value: unknown;
  /** The entry that wrote it; 0 when it was only read. */
  readonly index: LogIndex;
}

export class Activation {
  readonly kind: ActorKind;
  readonly key: string;
  readonly shard: ShardId;
  readonly prefix: RowKey;
  readonly rows = new Map<RowKey, CachedRow>();
  readonly backlog: (() => void)[] = [];
  /** In the dispatcher's ready list. */
  isReady = false;
  /** Entries of this activation that are not committed yet. */
  uncommittedEntries = 0;
  lastUsedMs: number;
  volatile: unknown;

  constructor(kind: ActorKind, key: string, shard: ShardId, prefix: RowKey, nowMs: number) {
    this.kind = kind;
    this.key = key;
    this.shard = shard;
    this.prefix = prefix;
    this.lastUsedMs = nowMs;
    this.volatile = kind.activate?.();
  }

  get isIdle(): boolean {
    return this.backlog.length === 0 && this.uncommittedEntries === 0;
  }

  remember(key: RowKey, value: unknown, index: LogIndex): void {
    // Taken out first, so that the map's order is the order of use and the oldest is forgotten first.
    this.rows.delete(key);
    this.rows.set(key, { value, index });
  }

  /** Everything up to `committed` is in the store: the cache may forget it. */
  trim(committed: LogIndex): void {
    let surplus = this.rows.size - cachedRowsMax;
    if (surplus <= 0) return;
    for (const [key, row] of this.rows) {
      if (row.index <= committed) {
        this.rows.delete(key);
        if (--surplus === 0) return;
      }
    }
  }

  /** After a handler failed in a way that it did not choose, nothing that it kept in memory is believed. */
  resetVolatile(): void {
    this.volatile = this.kind.activate?.();
  }
}
