/** Time as one node sees it: its own pace, its own wall clock, which may be wrong and may be set. */
import type { Clock } from '../../../runtime/base/clock.ts';
import type { Owner, Timeline } from './timeline.ts';

/** A Tuesday in 2026, some hours before midnight. */
const epochMs = Date.UTC(2026, 10, 3, 16);

/** Of a machine: it goes on while processes come and go. */
export class Hardware {
  /** How far the wall clock is off. */
  skewMs: number;
  /** Milliseconds that it counts in one real one. */
  readonly pace: number;

  constructor(skewMs: number, pace: number) {
    this.skewMs = skewMs;
    this.pace = pace;
  }
}

export class NodeClock implements Clock {
  readonly #timeline: Timeline;
  readonly #owner: Owner;
  readonly #hardware: Hardware;
  readonly #startMs: number;

  constructor(timeline: Timeline, owner: Owner, hardware: Hardware) {
    this.#timeline = timeline;
    this.#owner = owner;
    this.#hardware = hardware;
    this.#startMs = timeline.nowMs;
  }

  nowMs(): number {
    const { pace, skewMs } = this.#hardware;
    // Whole milliseconds, as the system's clock.
    return Math.floor(epochMs + skewMs + this.#timeline.nowMs * pace);
  }

  monotonicMs(): number {
    return (this.#timeline.nowMs - this.#startMs) * this.#hardware.pace;
  }

  after(delayMs: number, wake: () => void): () => void {
    return this.#timeline.after(Math.max(0, delayMs) / this.#hardware.pace, this.#owner, wake);
  }

  soon(wake: () => void): void {
    this.#timeline.after(0, this.#owner, wake);
  }
}
