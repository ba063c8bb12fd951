/** Waits until something is so, for what the loop brings about without telling. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FakeClock } from './fake-clock.ts';

/** @throws {Error} when it is not so after a great many turns of the loop */
export async function until(isSo: () => boolean, what = 'it'): Promise<void> {
  for (let turns = 0; turns < 200_000; turns++) {
    if (isSo()) return;
    await nextTurn();
  }
  throw new Error(`${what} never became so`);
}

/** Lets the loop go round, for what must not happen meanwhile. */
export async function loopTurns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** Time goes on, `stepMs` a turn of the loop, until `awaited` has settled. */
export async function passing<Value>(clock: FakeClock, awaited: Promise<Value>, stepMs = 1): Promise<Value> {
  const state = { isSettled: false };
  const settled = awaited.finally(() => {
    state.isSettled = true;
  });
  // Whoever awaits `settled` hears of a failure.
  settled.catch(() => undefined);
  while (!state.isSettled) {
    clock.advance(stepMs);
    await nextTurn();
  }
  return settled;
}
