/** What came to a sink, and when. Times are of the machine's monotonic clock, which all its processes share. */
import { Histogram, type LatencySummary } from '../measure/histogram.ts';

export interface SinkCounts {
  readonly mails: number;
  /** Machine milliseconds of the first and the last mail; 0 when there was none. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** From the load generator's stamp to the final dot here; of mails with a stamp only. */
  readonly latency: LatencySummary;
}

/** CLOCK_MONOTONIC in microseconds. */
export function machineUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export const machineMs = (): number => machineUs() / 1000;

export class SinkCounter {
  #mails = 0;
  #firstMs = 0;
  #lastMs = 0;
  #latency = new Histogram();

  /** @param sentUs the stamp, or null */
  count(sentUs: number | null): void {
    const nowUs = machineUs();
    if (this.#mails++ === 0) this.#firstMs = nowUs / 1000;
    this.#lastMs = nowUs / 1000;
    if (sentUs !== null) this.#latency.record(nowUs - sentUs);
  }

  get counts(): SinkCounts {
    return { mails: this.#mails, firstMs: this.#firstMs, lastMs: this.#lastMs, latency: this.#latency.summary() };
  }
}
