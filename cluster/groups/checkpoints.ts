/**
 * When rows go from the log into the tree, and how many at a time.
 *
 * Promises: the log is never further ahead of the tree than two layers of `layerRowsMax` rows and what one commit adds;
 * the mark that says "applied up to here" is in the transaction of the last slice, so it is never ahead of its rows.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { ShardId } from '../../runtime/base/ids.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import { appliedRows } from './applied-rows.ts';
import type { AppliedPosition } from './hosted-group.ts';

/** Rows of a layer before it is sealed: about 4,000 mails, some 20 MB. More share their pages better and cost memory. */
const layerRowsMax = 40_000;
/** A checkpoint writes so many rows for each that comes in: it must be through before the next layer is full. */
const outrunBy = 1.25;
/**
 * Rows of a slice. They are owed until there are so many: ten rows at a time would double the time of every commit
 * (0.7 ms became 1.3), since each slice writes its own copy of the pages above its rows.
 */
const sliceRows = 1_000;
/** Rows of a slice when nobody waits for the disk; one that comes then waits for this slice. */
const idleSliceRows = 512;
/** A node with nothing to do brings its tree up to date after this. */
const idleMs = 200;

export interface CheckpointsOptions {
  readonly store: LayeredStore;
  readonly clock: Clock;
  /** There may be something to write now. */
  readonly wake: () => void;
}

export class Checkpoints {
  readonly #o: CheckpointsOptions;
  /** All batches up to this one are in the tree. */
  appliedBatch = 0;
  /** Shards with entries since the last seal. */
  #changed = new Set<ShardId>();
  #sealed: { readonly batch: number; readonly positions: ReadonlyMap<ShardId, AppliedPosition> } | undefined;
  #owedRows = 0;
  #isLastSlice = false;
  #isIdle = false;
  #isHurried = false;
  #cancelIdle: (() => void) | undefined;

  constructor(options: CheckpointsOptions) {
    this.#o = options;
  }

  changed(shard: ShardId): void {
    this.#changed.add(shard);
  }

  /** Everything into the tree as soon as can be, from now on: the node stops. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** Whether a slice is to be written although no entry is. */
  get isDue(): boolean {
    const { store } = this.#o;
    return (this.#isIdle || this.#isHurried) && (store.isCheckpointing || store.activeRows > 0);
  }

  /** Seals the active layer if there is no checkpoint under way. `batch` is the last one whose rows are in it. */
  begin(batch: number, applied: (shard: ShardId) => AppliedPosition): void {
    const { store } = this.#o;
    if (store.isCheckpointing) return;
    store.seal();
    const positions = new Map([...this.#changed].map((shard) => [shard, applied(shard)] as const));
    this.#changed = new Set();
    this.#sealed = { batch, positions };
  }

  /** What a group commit of `rows` rows carries of the checkpoint. */
  slice(rows: number): readonly StoreOp[] {
    this.#isIdle = false;
    if (this.#sealed === undefined) return [];
    this.#owedRows += Math.ceil(outrunBy * rows);
    if (this.#owedRows < sliceRows) return [];
    const ops = this.#next(this.#owedRows);
    this.#owedRows = 0;
    return ops;
  }

  idleSlice(): readonly StoreOp[] {
    return this.#next(idleSliceRows);
  }

  /** The transaction with the last slice is durable; the rows of all batches up to `batch` are in the layers. */
  written(batch: number, applied: (shard: ShardId) => AppliedPosition): void {
    const { store } = this.#o;
    if (this.#isLastSlice && this.#sealed !== undefined) {
      this.#isLastSlice = false;
      this.appliedBatch = this.#sealed.batch;
      this.#sealed = undefined;
      store.endCheckpoint();
    }
    if (store.activeRows >= layerRowsMax) this.begin(batch, applied);
    this.#waitForIdle();
  }

  #next(rowsMax: number): readonly StoreOp[] {
    if (this.#sealed === undefined) return [];
    const { ops, isLast } = this.#o.store.nextSlice(rowsMax);
    if (!isLast) return ops;
    this.#isLastSlice = true;
    return [...ops, ...appliedRows(this.#sealed.batch, this.#sealed.positions)];
  }

  #waitForIdle(): void {
    const { store, clock, wake } = this.#o;
    const hasWork = store.isCheckpointing || store.activeRows > 0;
    // It stays so until all is in the tree or a commit comes.
    if (this.#isIdle && hasWork) return;
    this.#isIdle = false;
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    if (!hasWork) return;
    this.#cancelIdle = clock.after(idleMs, () => {
      this.#cancelIdle = undefined;
      this.#isIdle = true;
      wake();
    });
  }
}
