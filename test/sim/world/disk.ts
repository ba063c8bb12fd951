/**
 * The disk of one machine: rows that outlive processes, and what can go wrong with a disk.
 *
 * One transaction at a time, in order, as LMDB writes them. A transaction is *done* when the disk has it for good, and *told*
 * when the process hears of that. What is told is kept whatever happens; so is what is done. Of what is not done a kill or
 * a power loss keeps a prefix.
 */
import { MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import type { StoreOp } from '../../../runtime/store/store.ts';
import type { RowKey } from '../../../runtime/store/keys.ts';
import type { Dice } from './random.ts';
import type { Owner, Timeline } from './timeline.ts';

export interface DiskSettings {
  readonly commitMsMin: number;
  readonly commitMsMax: number;
}

const bytesMaxUsual = 2 ** 40;

export interface Flip {
  readonly key: RowKey;
  readonly was: Uint8Array;
  readonly is: Uint8Array;
}

export class SimDisk {
  rows = new MemoryDisk();
  /** Transactions wait for it until then. */
  stalledUntilMs = 0;
  /** The next transaction fails. */
  failsNext = false;
  /** Called once, when the next transaction is on its way, with how long it takes. */
  onWrite: ((tookMs: number) => void) | null = null;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #settings: DiskSettings;
  #store: MemoryStore | null = null;
  /** When each transaction on its way is done, oldest first. */
  #doneMs: number[] = [];
  #begunMs: number[] = [];
  #freeAtMs = 0;
  readonly #flipped = new Set<RowKey>();
  readonly #wrote: () => void;

  constructor(timeline: Timeline, dice: Dice, settings: DiskSettings, wrote: () => void) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#settings = settings;
    this.#wrote = wrote;
  }

  open(owner: Owner, fatal: (error: unknown) => void): MemoryStore {
    this.#doneMs = [];
    this.#begunMs = [];
    const store = new MemoryStore({
      disk: this.rows,
      fatal,
      settle: (apply) => this.#begin(store, owner, apply),
    });
    this.#store = store;
    return store;
  }

  /** Age of the oldest transaction that is not done. */
  get oldestWriteMs(): number {
    return this.#begunMs.length === 0 ? 0 : this.#timeline.nowMs - this.#begunMs[0]!;
  }

  get isWriting(): boolean {
    return this.#doneMs.length > 0;
  }

  /** Nothing more is told. `luck`: of what was not done, one more may be there by chance. */
  halt(luck: number): void {
    const done = this.#doneMs.filter((atMs) => atMs <= this.#timeline.nowMs).length;
    const more = done < this.#doneMs.length && this.#dice.chance(luck) ? 1 : 0;
    this.#store?.halt(done + more);
    this.#store = null;
    this.#doneMs = [];
    this.#begunMs = [];
    this.#freeAtMs = 0;
  }

  /** Room that is left, as `stats` tells it. Null: as much as ever. */
  setRoom(bytes: number | null): void {
    this.rows.bytesMax = bytes === null ? bytesMaxUsual : this.rows.sizeBytes + bytes;
  }

  /** A row, a bit of which is not what was written. */
  flip(key: RowKey, dice: Dice): Flip | null {
    const was = this.rows.get(key);
    if (was === undefined || was.byteLength === 0 || this.#flipped.has(key)) return null;
    this.#flipped.add(key);
    const is = new Uint8Array(was);
    const at = dice.whole(0, is.byteLength - 1);
    is[at] = is[at]! ^ (1 << dice.whole(0, 7));
    this.rows.apply([{ key, value: is }]);
    return { key, was, is };
  }

  /** Undone, unless the row was written anew since. */
  unflip({ key, was, is }: Flip): boolean {
    this.#flipped.delete(key);
    const now = this.rows.get(key);
    if (now === undefined || !Buffer.from(now).equals(is)) return false;
    const op: StoreOp = { key, value: was };
    this.rows.apply([op]);
    return true;
  }

  #begin(store: MemoryStore, owner: Owner, apply: () => void): void {
    const { commitMsMin, commitMsMax } = this.#settings;
    const beginMs = Math.max(this.#timeline.nowMs, this.#freeAtMs, this.stalledUntilMs);
    const doneMs = beginMs + this.#dice.spread(commitMsMin, commitMsMax);
    this.#freeAtMs = doneMs;
    this.#doneMs.push(doneMs);
    this.#begunMs.push(this.#timeline.nowMs);
    const watcher = this.onWrite;
    this.onWrite = null;
    watcher?.(doneMs - this.#timeline.nowMs);
    this.#timeline.at(doneMs, owner, () => {
      if (store !== this.#store) return;
      this.#doneMs.shift();
      this.#begunMs.shift();
      if (this.failsNext) {
        this.failsNext = false;
        store.fail(new Error('EIO: i/o error, fdatasync'));
        return;
      }
      apply();
      this.#wrote();
    });
  }
}
