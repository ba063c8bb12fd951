/**
 * The log of a lone node: one voter a shard, so an entry is committed when this node's own disk has it.
 *
 * It writes what the replicated log will write, so that nothing gets slower later: every group commit is one
 * transaction of all shards' entries, their applied rows, bodies and applied indexes.
 *
 * One row holds all entries of a group commit (`['l', batch]`) instead of one row an entry: appends of 256 shards then
 * touch one page of the tree, not 256, and going through them at start is one scan. Which bodies the kept entries
 * name is kept in memory and rebuilt from those rows: a batch row *is* the reference row of its entries.
 */
import type { Clock } from '../base/clock.ts';
import { type LogIndex, logIndex, type ShardId, shardId, type Term, term } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import type { BodyTracker } from '../store/bodies.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { Store, StoreOp } from '../store/store.ts';
import type { Commit, ShardLog, WriteSet } from './log.ts';

/** A lone node leads every shard for ever. */
const loneTerm = term(1);
const logRowVersion = 1;
/** Group commits kept behind the newest: what a new replica would read on from. */
export const batchesKept = 256;
/** Garbage candidates looked at in one group commit. */
const sweepMax = 64;

/** As stored: shard, term, index, time, rows, holds, hashes of the bodies that it names. */
type StoredEntry = readonly [
  number,
  number,
  number,
  number,
  readonly (readonly [string, Uint8Array | null])[],
  readonly unknown[],
  readonly string[],
];

interface AppliedRow {
  readonly index: number;
  readonly timeMs: number;
  readonly term: number;
}

interface Pending {
  readonly shard: ShardId;
  readonly index: LogIndex;
  readonly writeSet: WriteSet;
  readonly bytes: number;
  /** The bodies that this entry keeps alive, from `append` until it is compacted. */
  readonly hashes: readonly string[];
}

interface ShardPosition {
  last: LogIndex;
  committed: LogIndex;
  timeMs: number;
}

function namedBodies({ bodies, holds }: WriteSet): readonly string[] {
  if (bodies.length === 0 && holds.length === 0) return [];
  const hashes = new Set(bodies.map(({ hash }) => hash));
  for (const { hash, held } of holds) if (held) hashes.add(hash);
  return [...hashes];
}

export interface GroupCommit {
  readonly entries: number;
  readonly rows: number;
  readonly bytes: number;
  readonly tookMs: number;
}

export interface LocalLogOptions {
  readonly store: Store;
  readonly bodies: BodyTracker;
  readonly shardCount: number;
  readonly clock: Clock;
  readonly groupCommitBytesMax: number;
  /** So many bytes are about to be written: for the guard on free space. */
  readonly writing?: (bytes: number) => void;
  readonly observe: (commit: GroupCommit) => void;
  readonly fatal: (error: unknown) => void;
}

export class LocalLog implements ShardLog {
  readonly #o: LocalLogOptions;
  readonly #positions: ShardPosition[] = [];
  /** Batches on disk, oldest first, with the bodies that their entries name. */
  readonly #batches: { readonly batch: number; readonly hashes: readonly string[] }[] = [];
  #nextBatch = 1;
  #pending: Pending[] = [];
  #isWriting = false;
  #pendingBytes = 0;
  #listener: (commits: readonly Commit[]) => void = () => undefined;
  #idle: (() => void)[] = [];

  constructor(options: LocalLogOptions) {
    this.#o = options;
    this.#recover();
  }

  term(_shard: ShardId): Term {
    return loneTerm;
  }

  lastIndex(shard: ShardId): LogIndex {
    return this.#positions[shard]!.last;
  }

  committedIndex(shard: ShardId): LogIndex {
    return this.#positions[shard]!.committed;
  }

  lastTimeMs(shard: ShardId): number {
    return this.#positions[shard]!.timeMs;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  onCommitted(listener: (commits: readonly Commit[]) => void): void {
    this.#listener = listener;
  }

  append(shard: ShardId, writeSet: WriteSet): LogIndex {
    const position = this.#positions[shard]!;
    invariant(writeSet.timeMs > position.timeMs, 'entry time strictly grows per shard');
    const index = logIndex(position.last + 1);
    position.last = index;
    position.timeMs = writeSet.timeMs;
    let bytes = 0;
    for (const { key, value } of writeSet.rows) bytes += key.length + (value?.byteLength ?? 0);
    for (const body of writeSet.bodies) bytes += body.bytes.byteLength;
    this.#pendingBytes += bytes;
    // From now on, since the sweep of a group commit in between must not take a body that this entry found in the store.
    const hashes = namedBodies(writeSet);
    for (const hash of hashes) this.#o.bodies.entryHolds(hash);
    this.#pending.push({ shard, index, writeSet, bytes, hashes });
    return index;
  }

  /** While one transaction is on its way the next one gathers: its size grows with load, and fsyncs a mail shrink. */
  flush(): void {
    if (this.#isWriting) return;
    if (this.#pending.length === 0) {
      for (const done of this.#idle.splice(0)) done();
      return;
    }
    const taken = this.#take();
    const ops = this.#ops(taken);
    const begunMs = this.#o.clock.monotonicMs();
    this.#isWriting = true;
    // Once in the log's row and once applied; bodies once, so this errs on the safe side.
    this.#o.writing?.(2 * ops.bytes);
    this.#o.store.write(ops.rows).then(
      () => {
        this.#isWriting = false;
        this.#pendingBytes -= ops.bytes;
        const tookMs = this.#o.clock.monotonicMs() - begunMs;
        this.#o.observe({ entries: taken.length, rows: ops.rows.length, bytes: ops.bytes, tookMs });
        this.#o.bodies.written();
        this.#listener(this.#committed(taken));
        // Entries that gathered meanwhile go at once; what the commit set off follows with the next loop turn.
        this.flush();
      },
      (error: unknown) => this.#o.fatal(error),
    );
  }

  /** Settles when nothing is pending. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.flush();
    });
  }

  #take(): readonly Pending[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#pending) {
      if (count > 0 && bytes + entry.bytes > this.#o.groupCommitBytesMax) break;
      bytes += entry.bytes;
      count++;
    }
    return this.#pending.splice(0, count);
  }

  #ops(taken: readonly Pending[]): { readonly rows: readonly StoreOp[]; readonly bytes: number } {
    const { bodies } = this.#o;
    // A row that several turns wrote is put once, with its last value.
    const rows = new Map<RowKey, Uint8Array | null>();
    const put = (ops: readonly StoreOp[]): void => {
      for (const { key, value } of ops) rows.set(key, value);
    };
    const entries: StoredEntry[] = [];
    const hashes: string[] = [];
    const applied = new Map<ShardId, AppliedRow>();
    let bytes = 0;
    for (const { shard, index, writeSet, bytes: entryBytes, hashes: named } of taken) {
      bytes += entryBytes;
      hashes.push(...named);
      for (const body of writeSet.bodies) put(bodies.attach(body.hash, body.bytes));
      for (const { hash, owner, held } of writeSet.holds) {
        put(held ? bodies.hold(hash, owner) : bodies.release(hash, owner));
      }
      put(writeSet.rows);
      entries.push([
        shard,
        loneTerm,
        index,
        writeSet.timeMs,
        writeSet.rows.map(({ key, value }) => [key, value] as const),
        writeSet.holds.map(({ hash, owner, held }) => [hash, owner, held]),
        named,
      ]);
      applied.set(shard, { index, timeMs: writeSet.timeMs, term: loneTerm });
    }
    for (const [shard, row] of applied) rows.set(rowKey([keyspace.applied, shard]), encodeRow(logRowVersion, row));
    rows.set(rowKey([keyspace.log, this.#nextBatch]), encodeRow(logRowVersion, entries));
    this.#batches.push({ batch: this.#nextBatch++, hashes });
    put(this.#compact());
    put(bodies.sweep(sweepMax));
    return { rows: [...rows].map(([key, value]) => ({ key, value })), bytes };
  }

  #compact(): StoreOp[] {
    const ops: StoreOp[] = [];
    while (this.#batches.length > batchesKept) {
      const { batch, hashes } = this.#batches.shift()!;
      ops.push({ key: rowKey([keyspace.log, batch]), value: null });
      for (const hash of hashes) ops.push(...this.#o.bodies.entryReleases(hash));
    }
    return ops;
  }

  #committed(taken: readonly Pending[]): Commit[] {
    const commits = new Map<ShardId, LogIndex>();
    for (const { shard, index } of taken) {
      invariant(index === (commits.get(shard) ?? this.#positions[shard]!.committed) + 1, 'entries commit without a gap');
      commits.set(shard, index);
    }
    for (const [shard, index] of commits) this.#positions[shard]!.committed = index;
    return [...commits].map(([shard, index]) => ({ shard, index }));
  }

  #recover(): void {
    const { store, shardCount, bodies } = this.#o;
    for (let i = 0; i < shardCount; i++) {
      const shard = shardId(i);
      const bytes = store.get(rowKey([keyspace.applied, shard]));
      const row = bytes === undefined ? { index: 0, timeMs: 0 } : (decodeRow(bytes).value as AppliedRow);
      this.#positions.push({ last: logIndex(row.index), committed: logIndex(row.index), timeMs: row.timeMs });
    }
    // One batch at a time: a batch may hold megabytes.
    const all = below(rowKey([keyspace.log]));
    let start = all.start;
    for (;;) {
      const [row] = store.range({ start, end: all.end, limit: 1 });
      if (row === undefined) return;
      const batch = keyParts(row.key)[1] as number;
      const hashes: string[] = [];
      for (const [shard, , index, , , , named] of decodeRow(row.value).value as StoredEntry[]) {
        invariant(index <= this.#positions[shard]!.last, 'an entry and its applied index are in one transaction');
        for (const hash of named) {
          hashes.push(hash);
          bodies.entryHolds(hash);
        }
      }
      this.#batches.push({ batch, hashes });
      this.#nextBatch = batch + 1;
      start = rowKey([keyspace.log, batch + 1]);
    }
  }
}
