/** Time that a test owns: it moves only by `advance`. The only fake of time in the tests. */
import type { Clock } from '../../runtime/base/clock.ts';

interface Alarm {
  readonly atMs: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #jumpedMs = 0;
  #alarms: Alarm[] = [];
  #soon: (() => void)[] = [];

  constructor(nowMs = 1_800_000_000_000) {
    this.#nowMs = nowMs;
    this.#startMs = nowMs;
  }

  nowMs(): number {
    return this.#nowMs + this.#jumpedMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, wake: () => void): () => void {
    const alarm = { atMs: this.#nowMs + delayMs, wake };
    this.#alarms.push(alarm);
    return () => {
      this.#alarms = this.#alarms.filter((other) => other !== alarm);
    };
  }

  soon(wake: () => void): void {
    this.#soon.push(wake);
  }

  /** How many are set. */
  get alarms(): number {
    return this.#alarms.length;
  }

  /** One turn of the loop. */
  runSoon(): void {
    for (const wake of this.#soon.splice(0)) wake();
  }

  /** The wall clock is set to another time; no time passes. */
  jump(byMs: number): void {
    this.#jumpedMs += byMs;
  }

  /** Moves time on, waking what is due on the way, in order. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#alarms.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#alarms = this.#alarms.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
    }
    this.#nowMs = untilMs;
  }
}
