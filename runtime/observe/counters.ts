/**
 * What is counted on hot paths: plain numbers in memory, without a library.
 *
 * Leaves to others: which metrics there are (`metric-table.ts`), how they are shown (`metrics.ts`).
 */

/** One number that only grows. */
export class Counter {
  value = 0;

  add(by = 1): void {
    this.value += by;
  }
}

/** Labels differ per family in what they name, e.g. the reason of a refusal. */
export class CounterFamily {
  readonly #counters = new Map<string, Counter>();
  readonly #valuesMax: number;

  /** @param valuesMax different label values that are kept apart; all beyond are counted as `other` */
  constructor(valuesMax = 200) {
    this.#valuesMax = valuesMax;
  }

  /** Keep the counter where the label is known beforehand: then counting is one addition. */
  of(label: string): Counter {
    const known = this.#counters.get(label);
    if (known !== undefined) return known;
    // A stranger may choose the label (an error's code, say): he must not grow our memory or the scrape.
    if (this.#counters.size >= this.#valuesMax && label !== 'other') return this.of('other');
    const counter = new Counter();
    this.#counters.set(label, counter);
    return counter;
  }

  [Symbol.iterator](): Iterator<[string, Counter]> {
    return this.#counters[Symbol.iterator]();
  }
}

/** Counts of values by upper bound, as Prometheus has them. */
export class Histogram {
  /** Upper bounds, inclusive and growing. */
  readonly bounds: readonly number[];
  /** How many values lie in each bucket (not cumulated); the last is beyond all bounds. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++;
    counts[bucket]!++;
    this.sum += value;
    this.count++;
  }

  /** Takes over what was counted elsewhere, e.g. in a worker, by buckets of the same bounds. */
  set(counts: readonly number[], sum: number): void {
    this.count = 0;
    for (const [bucket, count] of counts.entries()) {
      this.counts[bucket] = count;
      this.count += count;
    }
    this.sum = sum;
  }

  /** The smallest bound that holds `part` (0 … 1) of the values; Infinity beyond all bounds, 0 without values. */
  quantile(part: number): number {
    let below = 0;
    for (let bucket = 0; bucket < this.bounds.length; bucket++) {
      below += this.counts[bucket]!;
      if (below >= part * this.count) return this.count === 0 ? 0 : this.bounds[bucket]!;
    }
    return Number.POSITIVE_INFINITY;
  }
}
