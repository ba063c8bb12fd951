/**
 * How long things took, in a fixed few kilobytes: log-scaled buckets, 32 to each doubling.
 *
 * Promises: `record` allocates nothing; a percentile is at most 3.2 % above the true value and never above the exact
 * maximum; what one process counted can be sent to another as JSON and added up there.
 */

/** Values below this have a bucket each. */
const exactBelow = 64;
/** Buckets to each doubling above it. */
const perDoubling = 32;
/** Longest time that is told apart: 2^31 - 1 µs, half an hour. */
const valueMax = 2_147_483_647;
const bucketCount = exactBelow + (31 - 6) * perDoubling;

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export class Histogram {
  readonly #buckets = new Uint32Array(bucketCount);
  #count = 0;
  #maxUs = 0;

  get count(): number {
    return this.#count;
  }

  get maxUs(): number {
    return this.#maxUs;
  }

  /** @param us microseconds; a fraction is cut off, a negative counts as 0 */
  record(us: number): void {
    const value = us <= 0 ? 0 : us >= valueMax ? valueMax : us | 0;
    const bucket = bucketOf(value);
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.#count++;
    if (value > this.#maxUs) this.#maxUs = value;
  }

  /** The value that `share` (0 … 1) of all records do not exceed, in microseconds; 0 when nothing was recorded. */
  percentileUs(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.#count * share));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#buckets[bucket] as number;
      if (seen >= wanted) return Math.min(upperEdge(bucket), this.#maxUs);
    }
    return 0;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      p50Ms: this.percentileUs(0.5) / 1000,
      p99Ms: this.percentileUs(0.99) / 1000,
      maxMs: this.#maxUs / 1000,
    };
  }
}

function bucketOf(value: number): number {
  if (value < exactBelow) return value;
  const exponent = 31 - Math.clz32(value);
  return exactBelow + (exponent - 6) * perDoubling + ((value >>> (exponent - 5)) - perDoubling);
}

/** The largest value that falls into `bucket`. */
function upperEdge(bucket: number): number {
  if (bucket < exactBelow) return bucket;
  const exponent = 6 + Math.floor((bucket - exactBelow) / perDoubling);
  const step = 2 ** (exponent - 5);
  return (perDoubling + ((bucket - exactBelow) % perDoubling) + 1) * step - 1;
}
