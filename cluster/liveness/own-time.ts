/**
 * Time as far as this node itself was running: an event-loop stall, a stopped process or a suspended machine must
 * never make the others look dead (plan §7).
 *
 * Promises: grows with the clock, less what lay in gaps in which this node was not scheduled.
 * Asked of the caller: an event at least every `pingEveryMs`, so that a longer gap means something.
 */
import type { LivenessSettings } from './settings.ts';

export class OwnTime {
  readonly #settings: LivenessSettings;
  #seenMs: number | null = null;
  #lostMs = 0;

  constructor(settings: LivenessSettings) {
    this.#settings = settings;
  }

  /** What was taken off the clock so far. */
  get lostMs(): number {
    return this.#lostMs;
  }

  /** An event has come. @returns own milliseconds, which all deadlines of this folder are in */
  advance(nowMs: number): number {
    const gapMs = nowMs - (this.#seenMs ?? nowMs);
    this.#seenMs = nowMs;
    if (gapMs >= this.#settings.unscheduledMs) this.#lostMs += gapMs - this.#settings.pingEveryMs;
    return nowMs - this.#lostMs;
  }
}

/** The age of something that somebody else measures by the clock, in own time: a pause of ours does not age it. */
export class OwnAge {
  #beganMs: number | null = null;
  #lostMs = 0;

  /**
   * @param ageMs by the clock; 0: there is nothing
   * @param lostBeforeMs `OwnTime.lostMs` when this was called last: what began since began no earlier than that
   */
  of(ageMs: number, nowMs: number, lostMs: number, lostBeforeMs: number): number {
    if (ageMs <= 0) {
      this.#beganMs = null;
      return 0;
    }
    const beganMs = nowMs - ageMs;
    // Two clocks are read here, a moment apart: a few milliseconds are no other beginning.
    if (this.#beganMs === null || beganMs > this.#beganMs + 5) {
      this.#beganMs = beganMs;
      this.#lostMs = lostBeforeMs;
    }
    return Math.max(0, ageMs - (lostMs - this.#lostMs));
  }
}
