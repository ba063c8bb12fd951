/**
 * Time, as a thing that is handed in.
 *
 * Promises: nothing else in the core reads a clock or sets a timer, so that a simulator can own time.
 */

/** Where time comes from. Production passes `systemClock`; tests and the simulator pass their own. */
export interface Clock {
  /** Wall-clock milliseconds since 1970. It may jump; never measure a duration with it. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start. It never goes back; for durations only. */
  monotonicMs(): number;
  /** Runs `wake` once, no sooner than `delayMs` from now. Returns a function that cancels it. */
  after(delayMs: number, wake: () => void): () => void;
  /** Runs `wake` once, after the input that the loop has already received was handled. */
  soon(wake: () => void): void;
}

/** The longest delay that `setTimeout` takes (2^31 - 1 ms); a longer one would fire at once. */
const timerMsMax = 2_147_483_647;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, wake) {
    const timer = setTimeout(wake, Math.min(delayMs, timerMsMax));
    return () => clearTimeout(timer);
  },
  soon(wake) {
    setImmediate(wake);
  },
};
