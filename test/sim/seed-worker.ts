/** A process that runs seeds, one after another, for `seed-pool.ts`. */
import { drawPlan, type Given } from './plan.ts';
import { unplanted } from './mutants/plant.ts';
import { runSeed, type SeedResult } from './run-seed.ts';

export interface SeedOrder {
  readonly seed: number;
  readonly given: Given;
  /** Numbers of faults that are left out. */
  readonly without: readonly number[];
}

/** Promises of nodes that nobody waits for: a bug of the code under test. */
const rejections: unknown[] = [];

export async function carryOut(order: SeedOrder, print: ((line: string) => void) | null): Promise<SeedResult> {
  const plan = drawPlan(order.seed, order.given);
  const faults = plan.faults.filter(({ number }) => !order.without.includes(number));
  rejections.length = 0;
  const result = await runSeed({ ...plan, faults }, print);
  // Rejections are looked for when the loop turns.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  const [rejection] = rejections;
  if (result.broken !== null || rejection === undefined) return result;
  return { ...result, broken: `a promise was rejected and nobody caught it: ${String((rejection as Error).stack)}` };
}

export function catchRejections(): void {
  // Refusals are thrown by the thousand, and where each came from is half their cost.
  Error.stackTraceLimit = 8;
  process.on('unhandledRejection', (reason) => void rejections.push(reason));
}

if (process.send !== undefined) {
  catchRejections();
  const missing = unplanted();
  if (missing.length > 0) throw new Error(`not planted, since the file was never loaded: ${missing.join(', ')}`);
  process.on('message', (order: SeedOrder) => {
    carryOut(order, null).then(
      (result) => process.send!(result),
      (error: unknown) => {
        process.stderr.write(`seed ${order.seed}: ${String((error as Error).stack)}\n`);
        process.exit(1);
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send('ready');
}
