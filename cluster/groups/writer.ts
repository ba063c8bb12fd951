/**
 * One transaction after another: what was gathered goes into it, and what waits for it goes on when it is durable.
 *
 *     flush -> take -> compact, attach bodies, sweep -> [slice of the checkpoint, bytes of bodies, batch rows] -> tree
 *                                     |                                                               one fsync
 *              the host's own rows -> active layer                       -> persisted, acks, commits, the next one
 *
 * The host's own rows (heads and candidates of bodies, marks, copied rows) enter the layer when the transaction is *made*:
 * entries are applied while it is on its way, and recovery must repeat both in one order. So until it is durable the
 * layer shows rows that nobody may count on; none of them is an actor's, and a write that fails ends the node.
 */
import type { GroupCommit } from '../../runtime/actor/log.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { logIndex, type LogIndex, type ShardId } from '../../runtime/base/ids.ts';
import { PackBuffer } from '../../runtime/codec/codec.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { Store, StoreOp } from '../../runtime/store/store.ts';
import { batchRows, markRow, outlineOf, type ReplicaMark } from './batch.ts';
import type { BodyStaging } from './body-staging.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Compaction } from './compaction.ts';
import { type GatheredEntry, type Gathering, isDirect, type Taken } from './gathering.ts';
import { type HostedGroup, storedHead } from './hosted-group.ts';
import type { PayloadParts } from './payload.ts';
import { storedOps } from './stored-ops.ts';

/** Garbage candidates among the bodies that are looked at in one transaction. */
const sweepMax = 64;

export interface WriterOptions {
  readonly tree: Store;
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly staging: BodyStaging;
  readonly clock: Clock;
  readonly gathering: Gathering;
  readonly checkpoints: Checkpoints;
  readonly compaction: Compaction;
  readonly groups: readonly HostedGroup[];
  readonly nextBatch: number;
  readonly groupCommitBytesMax: number;
  readonly writing: (bytes: number) => void;
  readonly observe: (commit: GroupCommit) => void;
  /** These are durable, and all that was gathered up to `order`. */
  readonly durable: (entries: readonly GatheredEntry[], order: number) => void;
  readonly compacted: (upTo: ReadonlyMap<HostedGroup, LogIndex>) => void;
  /** After `durable`, when the next may be made. */
  readonly written: () => void;
  readonly fatal: (error: unknown) => void;
}

interface Transaction {
  readonly ops: readonly StoreOp[];
  readonly taken: Taken;
  readonly compacted: ReadonlyMap<HostedGroup, LogIndex>;
}

export class Writer {
  readonly #o: WriterOptions;
  #nextBatch: number;
  #sealed = new Map<ShardId, LogIndex>();
  isWriting = false;
  #begunMs = 0;
  readonly #buffer = new PackBuffer();

  constructor(options: WriterOptions) {
    this.#o = options;
    this.#nextBatch = options.nextBatch;
  }

  /** Age of the write that is on its way; 0 when none is. */
  get writingMs(): number {
    return this.isWriting ? this.#o.clock.monotonicMs() - this.#begunMs : 0;
  }

  /** Writes what there is to write. False: nothing. */
  write(): boolean {
    const { gathering, checkpoints } = this.#o;
    if (this.isWriting) return true;
    // The tree must not be ahead of what the log says to be applied.
    if (gathering.hasWork) this.#writeBatch(false);
    else if (checkpoints.isDue && gathering.hasApplied) this.#writeBatch(true);
    else if (checkpoints.isDue) this.#writeSlice();
    else return false;
    return true;
  }

  /** @param isIdle it says what is applied, and nothing else but the checkpoint waits for the disk */
  #writeBatch(isIdle: boolean): void {
    const { clock, tree, bodies, writing, observe, durable, compacted, written, fatal } = this.#o;
    const { ops, taken, compacted: upTo } = this.#transaction(isIdle);
    const { entries, bytes, order } = taken;
    const begunMs = clock.monotonicMs();
    this.#begunMs = begunMs;
    this.isWriting = true;
    // Once in the log's row and once in the tree; bodies once, so this errs on the safe side.
    writing(2 * bytes);
    const settled = tree.write(ops).then(() => {
      this.isWriting = false;
      observe({ entries: entries.length, rows: ops.length, bytes, tookMs: clock.monotonicMs() - begunMs });
      bodies.written();
      compacted(upTo);
      durable(entries, order);
      for (const done of taken.whenDurable) done();
      this.#checkpointed(() => this.#o.checkpoints.written(this.#nextBatch - 1, this.#position));
      written();
    });
    // Also what goes wrong behind the write: nobody else would hear of it.
    settled.catch(fatal);
  }

  /** Nothing waits for the disk: the checkpoint goes on by itself. */
  #writeSlice(): void {
    const { clock, tree, checkpoints, written, fatal } = this.#o;
    this.#begunMs = clock.monotonicMs();
    this.isWriting = true;
    this.#checkpointed(() => checkpoints.begin(this.#nextBatch - 1, this.#position));
    const settled = tree.write(checkpoints.idleSlice()).then(() => {
      this.isWriting = false;
      this.#checkpointed(() => checkpoints.written(this.#nextBatch - 1, this.#position));
      written();
    });
    settled.catch(fatal);
  }

  #transaction(isIdle: boolean): Transaction {
    const { gathering, bodies, compaction, checkpoints, store, groupCommitBytesMax } = this.#o;
    const batch = this.#nextBatch++;
    const { ops: deletes, upTo } = compaction.compact(batch);
    const taken = gathering.take(groupCommitBytesMax);
    const direct: StoreOp[] = [...taken.direct];
    const own: StoreOp[] = [...taken.rows];
    const sort = (ops: readonly StoreOp[]): void => {
      for (const op of ops) (isDirect(op) ? direct : own).push(op);
    };
    for (const { hash, bytes } of taken.bodies) sort(bodies.attach(hash, bytes));
    for (const { entry } of taken.entries) this.#attach(entry, sort);
    for (const [group, index] of upTo) {
      for (const { hashes } of group.compact(index)) for (const hash of hashes) sort(bodies.entryReleases(hash));
    }
    const marks = taken.marked.map(({ shard, mark }) => [shard, mark] as const);
    for (const [shard, mark] of marks) own.push(markRow(shard, mark));
    sort(bodies.sweep(sweepMax));
    store.apply(own);
    const rows = this.#batchRows(batch, taken, marks, own);
    compaction.written({ batch, entries: taken.entries });
    let slice: readonly StoreOp[];
    if (isIdle) {
      this.#checkpointed(() => checkpoints.begin(batch, this.#position));
      slice = checkpoints.idleSlice();
    } else slice = checkpoints.slice(own.length + gathering.takeAppliedRows());
    return { ops: [...slice, ...direct, ...deletes, ...rows], taken, compacted: upTo };
  }

  #attach({ hashes, payload }: GatheredEntry['entry'], sort: (ops: readonly StoreOp[]) => void): void {
    const { bodies, staging } = this.#o;
    if (payload !== null) for (const body of payload.bodies) sort(bodies.attach(body.hash, body.bytes));
    if (staging.count > 0) for (const hash of hashes) sort(staging.claim(hash));
  }

  #batchRows(
    batch: number,
    { entries, truncations, applied, givenUp }: Taken,
    marks: readonly (readonly [ShardId, ReplicaMark])[],
    own: readonly StoreOp[],
  ): readonly StoreOp[] {
    const payloads: (Uint8Array | PayloadParts | null)[] = [];
    const heads = entries.map(({ group, entry, isCarried }) => {
      const { payload } = entry;
      entry.batch = batch;
      if (payload === null) payloads.push(null);
      else if (group.isAlone && !payload.isPacked) payloads.push(payload.parts);
      else {
        payloads.push(payload.isWhole ? payload.packed : null);
        entry.sum = payload.sum;
      }
      return storedHead(group.shard, entry, isCarried);
    });
    const head = { entries: heads, truncations, marks, applied, givenUp };
    return batchRows(batch, head, { payloads, rows: storedOps(own), outline: outlineOf(head) }, this.#buffer);
  }

  /** Notes how far the tree is when a checkpoint ends. */
  #checkpointed(act: () => void): void {
    const { checkpoints, groups } = this.#o;
    const before = checkpoints.appliedBatch;
    const ending = this.#sealed;
    this.#sealed = new Map();
    act();
    if (checkpoints.appliedBatch !== before) {
      for (const [shard, index] of ending) {
        const group = groups[shard]!;
        // Less when the state was given up for a copy meanwhile.
        group.treeApplied = logIndex(Math.min(index, group.applied.index));
      }
    } else if (this.#sealed.size === 0) this.#sealed = ending;
  }

  #position = (shard: ShardId) => {
    const { applied } = this.#o.groups[shard]!;
    this.#sealed.set(shard, applied.index);
    return applied;
  };
}
