/**
 * The log of a lone node: one voter a shard, so an entry is committed when this node's own disk has it.
 *
 * It writes what the replicated log will write, so that nothing gets slower later: every group commit is one
 * transaction with the entries of all shards (one row, at the end of the tree) and the bodies that they bring. Their
 * rows follow behind, in checkpoints (`store/layered-store.ts`), of which each group commit carries a slice.
 *
 * One row holds all entries of a group commit instead of one row an entry: appends of 256 shards then touch one page and
 * not 256. Which bodies the kept entries name is kept in memory and rebuilt from those rows at start: a batch row *is*
 * the reference row of its entries.
 */
import type { Clock } from '../base/clock.ts';
import { type LogIndex, logIndex, type ShardId, shardId, type Term, term } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';
import type { BodyTracker } from '../store/bodies.ts';
import { isBodyBytes } from '../store/body-rows.ts';
import type { LayeredStore } from '../store/layered-store.ts';
import type { Store, StoreOp } from '../store/store.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Commit, GroupCommit, RoleEvents, ShardLog, WriteSet } from './log.ts';
import {
  type Applied,
  batchKey,
  batchOps,
  batchRow,
  keptBatches,
  readApplied,
  readAppliedBatch,
  type StoredEntry,
  storedOps,
} from './log-rows.ts';

/** A lone node leads every shard for ever. */
const loneTerm = term(1);
/** Group commits kept behind the newest: what a new replica would read on from. */
export const batchesKept = 256;
/**
 * Every so many batches some of the oldest go: half as many again as came, so that those which a checkpoint lets go of
 * are gone before the next one is through. Few at a time, since LMDB looks over all free pages that it has in hand in
 * every transaction: with all of a checkpoint's at once (900 runs of pages) each commit took 0.13 ms more, and a mail at
 * 10 sessions 504 us of CPU where it takes 442. Not with every batch, since each time the first page of the log is written.
 */
export const compactedEvery = 8;
export const compactedAtOnce = 12;
/** Garbage candidates looked at in one group commit. */
export const sweepMax = 64;

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

export interface LocalLogOptions {
  /** Where transactions go. */
  readonly tree: Store;
  /** What is read: the tree, and over it what is committed only. */
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly shardCount: number;
  readonly clock: Clock;
  readonly groupCommitBytesMax: number;
  /** So many bytes are about to be written: for the guard on free space. */
  readonly writing?: (bytes: number) => void;
  readonly observe: (commit: GroupCommit) => void;
  readonly fatal: (error: unknown) => void;
}

/** What one group commit writes. */
interface Transaction {
  /** Into the tree now: the log's row, bytes of bodies, a slice of the checkpoint. */
  readonly ops: readonly StoreOp[];
  /** Into the active layer, once the log's row is durable. */
  readonly layered: readonly StoreOp[];
  readonly bytes: number;
}

export class LocalLog implements ShardLog {
  readonly #o: LocalLogOptions;
  readonly #checkpoints: Checkpoints;
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
    const { store, clock } = options;
    this.#checkpoints = new Checkpoints({ store, clock, wake: () => this.flush() });
    this.#recover();
  }

  term(_shard: ShardId): Term {
    return loneTerm;
  }

  serves(_shard: ShardId): boolean {
    return true;
  }

  onRole(events: RoleEvents): void {
    for (let shard = 0; shard < this.#o.shardCount; shard++) events.served(shardId(shard), loneTerm);
  }

  confirm(_shard: ShardId, done: (isLeader: boolean) => void): void {
    done(true);
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
    if (this.#pending.length > 0) this.#commit();
    else if (this.#checkpoints.isDue) this.#writeSlice();
    else for (const done of this.#idle.splice(0)) done();
  }

  /** Settles when nothing is pending and all is in the tree: what starts next has nothing to catch up on. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#checkpoints.hurry();
      this.#idle.push(resolve);
      this.flush();
    });
  }

  #commit(): void {
    const taken = this.#take();
    const { ops, layered, bytes } = this.#transaction(taken);
    const { clock, tree, store, bodies, observe, fatal } = this.#o;
    const begunMs = clock.monotonicMs();
    this.#isWriting = true;
    // Once in the log's row and once in the tree; bodies once, so this errs on the safe side.
    this.#o.writing?.(2 * bytes);
    const written = tree.write(ops).then(() => {
      this.#isWriting = false;
      this.#pendingBytes -= bytes;
      observe({ entries: taken.length, rows: ops.length, bytes, tookMs: clock.monotonicMs() - begunMs });
      // In this order: what is durable can be read, and only then does anybody hear of it.
      store.apply(layered);
      bodies.written();
      const commits = this.#committed(taken);
      this.#checkpoints.written(this.#nextBatch - 1, (shard) => this.#applied(shard));
      this.#listener(commits);
      // Entries that gathered meanwhile go at once; what the commit set off follows with the next loop turn.
      this.flush();
    });
    // Also what goes wrong behind the write: nobody else would hear of it.
    written.catch(fatal);
  }

  /** Nothing waits for the disk: the checkpoint goes on by itself. */
  #writeSlice(): void {
    this.#isWriting = true;
    this.#checkpoints.begin(this.#nextBatch - 1, (shard) => this.#applied(shard));
    const written = this.#o.tree.write(this.#checkpoints.idleSlice()).then(() => {
      this.#isWriting = false;
      this.#checkpoints.written(this.#nextBatch - 1, (shard) => this.#applied(shard));
      this.flush();
    });
    written.catch(this.#o.fatal);
  }

  #applied(shard: ShardId): Applied {
    const { committed, timeMs } = this.#positions[shard]!;
    return { index: committed, timeMs };
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

  #transaction(taken: readonly Pending[]): Transaction {
    const { bodies } = this.#o;
    const direct: StoreOp[] = [];
    const bodyRows: StoreOp[] = [];
    const sort = (ops: readonly StoreOp[]): void => {
      for (const op of ops) (isBodyBytes(op.key) && op.value !== null ? direct : bodyRows).push(op);
    };
    const layered: StoreOp[] = [];
    const entries: StoredEntry[] = [];
    const hashes: string[] = [];
    let bytes = 0;
    for (const { shard, index, writeSet, bytes: entryBytes, hashes: named } of taken) {
      bytes += entryBytes;
      hashes.push(...named);
      this.#checkpoints.changed(shard);
      for (const body of writeSet.bodies) sort(bodies.attach(body.hash, body.bytes));
      for (const { hash, owner, held } of writeSet.holds) {
        sort(held ? bodies.hold(hash, owner) : bodies.release(hash, owner));
      }
      for (const op of writeSet.rows) layered.push(op);
      entries.push([shard, loneTerm, index, writeSet.timeMs, storedOps(writeSet.rows), writeSet.holds, named]);
    }
    direct.push(...this.#compact(sort));
    sort(bodies.sweep(sweepMax));
    for (const op of bodyRows) layered.push(op);
    const batch = this.#nextBatch++;
    this.#batches.push({ batch, hashes });
    direct.push(batchRow(batch, { entries, bodyRows: storedOps(bodyRows) }));
    const slice = this.#checkpoints.slice(layered.length);
    return { ops: slice.length === 0 ? direct : [...slice, ...direct], layered, bytes };
  }

  /** Batches that are in the tree and that nobody reads on from. */
  #compact(sort: (ops: readonly StoreOp[]) => void): StoreOp[] {
    const ops: StoreOp[] = [];
    if (this.#nextBatch % compactedEvery !== 0) return ops;
    while (ops.length < compactedAtOnce && this.#batches.length > batchesKept) {
      const { batch, hashes } = this.#batches[0]!;
      if (batch > this.#checkpoints.appliedBatch) break;
      this.#batches.shift();
      ops.push({ key: batchKey(batch), value: null });
      for (const hash of hashes) sort(this.#o.bodies.entryReleases(hash));
    }
    return ops;
  }

  #committed(taken: readonly Pending[]): Commit[] {
    const commits = new Map<ShardId, LogIndex>();
    for (const { shard, index } of taken) {
      invariant(
        index === (commits.get(shard) ?? this.#positions[shard]!.committed) + 1,
        'entries commit without a gap',
      );
      commits.set(shard, index);
    }
    for (const [shard, index] of commits) this.#positions[shard]!.committed = index;
    return [...commits].map(([shard, index]) => ({ shard, index }));
  }

  #recover(): void {
    const { tree, store, shardCount, bodies } = this.#o;
    for (let shard = 0; shard < shardCount; shard++) {
      const { index, timeMs } = readApplied(tree, shard);
      this.#positions.push({ last: logIndex(index), committed: logIndex(index), timeMs });
    }
    const appliedBatch = readAppliedBatch(tree);
    this.#nextBatch = appliedBatch + 1;
    this.#checkpoints.appliedBatch = appliedBatch;
    for (const [batch, kept] of keptBatches(tree)) {
      const hashes = kept.entries.flatMap((entry) => entry[6]);
      for (const hash of hashes) bodies.entryKept(hash);
      this.#batches.push({ batch, hashes });
      if (batch <= appliedBatch) continue;
      invariant(batch === this.#nextBatch, 'no batch of the log is missing');
      this.#nextBatch = batch + 1;
      const ops = batchOps(kept);
      store.apply(ops);
      bodies.replayed(ops);
      for (const [shard, , index, timeMs] of kept.entries) this.#replayed(shardId(shard), index, timeMs);
    }
  }

  #replayed(shard: ShardId, index: number, timeMs: number): void {
    const position = this.#positions[shard]!;
    invariant(index === position.last + 1, 'the entries of a shard follow one another');
    this.#positions[shard] = { last: logIndex(index), committed: logIndex(index), timeMs };
    this.#checkpoints.changed(shard);
  }
}

function namedBodies({ bodies, holds }: WriteSet): readonly string[] {
  if (bodies.length === 0 && holds.length === 0) return [];
  const hashes = new Set(bodies.map(({ hash }) => hash));
  for (const { hash, held } of holds) if (held) hashes.add(hash);
  return [...hashes];
}
