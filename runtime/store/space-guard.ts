/**
 * Says when there is too little room to take more mail: LMDB does not survive a full disk, so mail is refused before.
 *
 * Promises: cheap enough to ask for each mail; a burst between two looks at the disk cannot overrun it, since what was
 * written meanwhile is counted; and it does not waver around a limit.
 *
 * Leaves to others: what is refused, and how (the edges say 452).
 */
import type { Clock } from '../base/clock.ts';
import type { Store, StoreStats } from './store.ts';

export interface SpaceGuardOptions {
  readonly store: Pick<Store, 'stats'>;
  readonly clock: Clock;
  /**
   * Free bytes of the file system below which room is low. It has to hold what was taken and is not written yet, a few
   * transactions of 4 MiB, and what other programs write within a second. Default: 256 MiB.
   */
  readonly freeBytesMin?: number;
  /** Part of the map (0 … 1) above which room is low. Default: 0.9. */
  readonly fillMax?: number;
}

const freeBytesMinDefault = 256 * 1024 * 1024;
const fillMaxDefault = 0.9;
/** How old a look at the disk may be. */
const sampleMsMax = 1_000;
/** Bytes that the file may grow by for one byte of a row: a row rewrites its page, and a body fills whole pages. */
const growthFactor = 2;
/** Once low, there must be this much more room than the limits ask before it is called enough. */
const recovery = 1.1;

export class SpaceGuard {
  readonly #store: Pick<Store, 'stats'>;
  readonly #clock: Clock;
  readonly #freeBytesMin: number;
  readonly #fillMax: number;
  /** Undefined: the file system did not answer. */
  #sample: StoreStats | undefined;
  #sampledMs = Number.NEGATIVE_INFINITY;
  #bytesSince = 0;
  #wasLow = false;

  constructor({ store, clock, freeBytesMin = freeBytesMinDefault, fillMax = fillMaxDefault }: SpaceGuardOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#freeBytesMin = freeBytesMin;
    this.#fillMax = fillMax;
  }

  /** Counts bytes that are about to be written, as keys and values. */
  noteWrite(bytes: number): void {
    this.#bytesSince += bytes * growthFactor;
  }

  /** Whether nothing more should be taken. */
  isLow(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sampledMs >= sampleMsMax) this.#look(nowMs);
    const margin = this.#wasLow ? recovery : 1;
    this.#wasLow = this.#freeBytes < this.#freeBytesMin * margin || this.#fill > this.#fillMax / margin;
    return this.#wasLow;
  }

  /** One line for operators, e.g. `room is low: 120 MiB free of at least 256 MiB, map 3 % full of at most 90 %`. */
  describe(): string {
    const verdict = this.isLow() ? 'room is low' : 'room is enough';
    if (this.#sample === undefined) return `${verdict}: the file system does not say how much is free`;
    const free = `${toMiB(this.#freeBytes)} MiB free of at least ${toMiB(this.#freeBytesMin)} MiB`;
    return `${verdict}: ${free}, map ${toPercent(this.#fill)} % full of at most ${toPercent(this.#fillMax)} %`;
  }

  #look(nowMs: number): void {
    this.#sampledMs = nowMs;
    this.#bytesSince = 0;
    try {
      this.#sample = this.#store.stats();
    } catch {
      // A file system that does not answer is no place to promise anything on: low, until it does.
      this.#sample = undefined;
    }
  }

  get #freeBytes(): number {
    return this.#sample === undefined ? 0 : Math.max(0, this.#sample.freeBytes - this.#bytesSince);
  }

  get #fill(): number {
    return this.#sample === undefined ? 1 : (this.#sample.sizeBytes + this.#bytesSince) / this.#sample.sizeBytesMax;
  }
}

function toMiB(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}

function toPercent(part: number): number {
  return Math.ceil(part * 100);
}
