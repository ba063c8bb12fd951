/** Waiting for a condition, with a bound and a reason to show when it is over. */
import { systemClock } from '../../runtime/base/clock.ts';

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.after(delayMs, resolve);
  });
}

/**
 * Asks `isTrue` again and again, at first every 5 ms, later every 50.
 * @returns milliseconds that it took
 * @throws {Error} that names `what` when `timeoutMs` have passed
 */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<number> {
  const startMs = systemClock.monotonicMs();
  for (;;) {
    if (await isTrue()) return systemClock.monotonicMs() - startMs;
    const tookMs = systemClock.monotonicMs() - startMs;
    if (tookMs > timeoutMs) throw new Error(`waited ${Math.round(tookMs)} ms in vain: ${what}`);
    await pause(tookMs < 1000 ? 5 : 50);
  }
}
