/** Makes a failing seed simpler: leaves out one fault after another, as long as the same thing breaks. */
import { drawPlan, type Given } from './plan.ts';
import type { SeedResult } from './run-seed.ts';
import type { SeedOrder } from './seed-worker.ts';

const runsMax = 30;

export interface Shrunk {
  readonly result: SeedResult;
  readonly without: readonly number[];
  readonly faults: number;
}

export async function shrink(
  failed: SeedResult,
  given: Given,
  run: (order: SeedOrder) => Promise<SeedResult>,
): Promise<Shrunk> {
  const { faults } = drawPlan(failed.seed, given);
  let best: Shrunk = { result: failed, without: [], faults: faults.length };
  let runs = 0;
  for (let isSimpler = true; isSimpler; ) {
    isSimpler = false;
    for (const { number } of faults) {
      if (best.without.includes(number) || runs++ >= runsMax) continue;
      const without = [...best.without, number];
      const result = await run({ seed: failed.seed, given, without });
      if (result.broken === null || signature(result.broken) !== signature(failed.broken!)) continue;
      best = { result, without, faults: faults.length };
      isSimpler = true;
    }
  }
  return best;
}

/** What broke, without the names and numbers of this time. */
const signature = (broken: string): string => broken.replaceAll(/[\d.]+/g, '').slice(0, 40);
