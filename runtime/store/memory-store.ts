/**
 * The store in memory, for tests and the simulator: same contract as the one on disk, and the moment at which a write
 * becomes durable belongs to whoever made the store.
 *
 * Promises: a write can be read, and settles, when its turn to settle has come and not before; writes settle in order.
 * The rows outlive the store in a `MemoryDisk`, as a file outlives a process.
 */
import { systemClock } from '../base/clock.ts';
import type { RowKey } from './keys.ts';
import { requireSoundOps, requireSoundRange } from './sound-ops.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { RangeOptions, Store, StoredRow, StoreOp, StoreStats } from './store.ts';
import { storeClosed, storeFailed } from './store-errors.ts';

export interface MemoryStoreOptions {
  /** Where the rows live. Default: a new, empty disk. */
  readonly disk?: MemoryDisk;
  /**
   * Is handed a function for each write and calls it when the oldest unsettled write shall become durable: not before
   * `write` has returned. Default: at the next turn of the loop.
   */
  readonly settle?: (apply: () => void) => void;
  /** As `LmdbStoreOptions.fatal`. Only `MemoryStore.fail` leads to it. */
  readonly fatal?: (error: unknown) => void;
}

interface UnsettledWrite {
  readonly ops: readonly StoreOp[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class MemoryStore implements Store {
  readonly disk: MemoryDisk;
  readonly #settle: (apply: () => void) => void;
  readonly #fatal: (error: unknown) => void;
  #unsettled: UnsettledWrite[] = [];
  #lastWrite: Promise<void> = Promise.resolve();
  #refusal: Error | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.disk = options.disk ?? new MemoryDisk();
    this.#settle = options.settle ?? ((apply) => systemClock.soon(apply));
    this.#fatal = options.fatal ?? (() => {});
  }

  get(key: RowKey): Uint8Array | undefined {
    const value = this.disk.get(key);
    return value && new Uint8Array(value);
  }

  has(key: RowKey): boolean {
    return this.disk.get(key) !== undefined;
  }

  range(options: RangeOptions): StoredRow[] {
    requireSoundRange(options);
    const { start, end, limit, reverse = false } = options;
    return this.disk.range(start, end, limit, reverse);
  }

  write(ops: readonly StoreOp[]): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal);
    // Nothing to wait for but those before it: writes settle in the order of their calls.
    if (ops.length === 0) return this.#lastWrite;
    requireSoundOps(ops);
    const settled = new Promise<void>((resolve, reject) => this.#unsettled.push({ ops, resolve, reject }));
    this.#lastWrite = settled;
    this.#settle(() => this.#settleOldest());
    return settled;
  }

  stats(): StoreStats {
    const sizeBytes = this.disk.sizeBytes;
    return { sizeBytes, sizeBytesMax: this.disk.bytesMax, freeBytes: Math.max(0, this.disk.bytesMax - sizeBytes) };
  }

  async close(): Promise<void> {
    this.#refusal ??= storeClosed();
    // Whoever made the write hears of its failure; closing only waits for the end of it.
    await this.#lastWrite.catch(() => {});
  }

  /** As a failed fsync: no unsettled write becomes durable, all are rejected, and the owner is told. */
  fail(cause: unknown): void {
    if (this.#refusal !== undefined) return;
    const error = storeFailed(cause);
    this.#refusal = error;
    for (const { reject } of this.#unsettled.splice(0)) reject(error);
    this.#fatal(error);
  }

  /**
   * As a power loss or `kill -9`: the oldest `writesKept` of the unsettled writes have become durable although nobody
   * was told, the others are lost, and no promise of this store ever settles. Open another store on the same disk.
   */
  halt(writesKept = 0): void {
    this.#refusal ??= storeClosed();
    for (const { ops } of this.#unsettled.splice(0).slice(0, writesKept)) this.disk.apply(ops);
    this.#lastWrite = Promise.resolve();
  }

  /** How many writes wait for their turn. */
  get unsettledWrites(): number {
    return this.#unsettled.length;
  }

  #settleOldest(): void {
    // Nothing is left when the store has failed or was halted meanwhile.
    const oldest = this.#unsettled.shift();
    if (oldest === undefined) return;
    this.disk.apply(oldest.ops);
    oldest.resolve();
  }
}

/** The durable rows of a `MemoryStore`. */
export class MemoryDisk {
  /** What `stats` reports as the room there is. It refuses nothing: the space guard does. */
  bytesMax = 2 ** 40;
  /** Bytes of all keys and values. */
  sizeBytes = 0;
  readonly #rows = new Map<RowKey, Uint8Array>();
  readonly #keys = new SortedKeys();

  get(key: RowKey): Uint8Array | undefined {
    return this.#rows.get(key);
  }

  /** The disk as it is now: what a crash at this moment would leave. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk();
    copy.bytesMax = this.bytesMax;
    copy.apply([...this.#rows].map(([key, value]) => ({ key, value })));
    return copy;
  }

  range(start: RowKey, end: RowKey, limit: number, reverse: boolean): StoredRow[] {
    const keys = this.#keys.between(start, end, limit, reverse);
    return keys.map((key) => ({ key, value: new Uint8Array(this.#rows.get(key) as Uint8Array) }));
  }

  apply(ops: readonly StoreOp[]): void {
    for (const { key, value } of ops) {
      const before = this.#rows.get(key);
      if (before !== undefined) this.sizeBytes -= key.length + before.byteLength;
      if (value !== null) {
        // The caller may change its bytes once the write has settled.
        this.#rows.set(key, new Uint8Array(value));
        this.sizeBytes += key.length + value.byteLength;
        if (before === undefined) this.#keys.add(key);
      } else if (before !== undefined) {
        this.#rows.delete(key);
        this.#keys.remove(key);
      }
    }
  }
}
