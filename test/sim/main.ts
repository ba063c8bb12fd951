/** `npm run sim`: see `--help`. */
import { randomInt } from 'node:crypto';
import { parseOptions, type SimOptions, usage } from './options.ts';
import type { Given } from './plan.ts';
import type { SeedResult } from './run-seed.ts';
import { SeedPool } from './seed-pool.ts';
import { carryOut, catchRejections } from './seed-worker.ts';
import { shrink } from './shrink.ts';
import { Summary } from './summary.ts';

/** Every so many seeds one is run twice: both must have the same trace. */
const repeatedEvery = 25;
const failuresShownMax = 5;
const progressMs = 5_000;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help')) {
    print(usage);
    return 0;
  }
  let options: SimOptions;
  try {
    options = parseOptions(words, process.env, () => randomInt(1_000_000, 1_000_000_000));
  } catch (error) {
    process.stderr.write(`sim: ${(error as Error).message}\n\n${usage}\n`);
    return 2;
  }
  return options.seed === null ? await many(options) : await one(options, options.seed);
}

async function one({ given, without, isVerbose }: SimOptions, seed: number): Promise<number> {
  catchRejections();
  const result = await carryOut({ seed, given, without }, isVerbose ? print : null);
  for (const line of result.story) print(line);
  for (const [name, count] of Object.entries(result.counts))
    print(`  ${name.padEnd(24)} ${String(count).padStart(10)}`);
  print(result.broken === null ? `seed ${seed} is sound` : `seed ${seed} broken: ${result.broken}`);
  print(`trace ${result.hash}`);
  return result.broken === null ? 0 : 1;
}

async function many(options: SimOptions): Promise<number> {
  const { seeds, from, given, workers } = options;
  print(`sim: seeds ${from} to ${from + seeds - 1} on ${workers} processes`);
  const pool = new SeedPool(workers, null);
  const summary = new Summary();
  const failed: SeedResult[] = [];
  let differing = 0;
  const timer = setInterval(() => {
    process.stderr.write(`sim: ${summary.seeds} of ${seeds} seeds, ${failed.length} broken\n`);
  }, progressMs);
  const run = async (seed: number): Promise<void> => {
    const order = { seed, given, without: [] };
    const result = await pool.run(order);
    summary.add(result);
    if (result.broken !== null) failed.push(result);
    if (seed % repeatedEvery !== 0) return;
    const again = await pool.run(order);
    if (again.hash === result.hash) return;
    differing++;
    print(`seed ${seed} ran twice and had the traces ${result.hash} and ${again.hash}: something is left to chance`);
  };
  await Promise.race([Promise.all(Array.from({ length: seeds }, (_, i) => run(from + i))), pool.failed]);
  clearInterval(timer);
  failed.sort((a, b) => a.seed - b.seed);
  for (const result of failed.slice(0, failuresShownMax)) await report(result, options, pool);
  if (failed.length > failuresShownMax) {
    print(
      `and ${failed.length - failuresShownMax} more: ${failed
        .slice(failuresShownMax)
        .map(({ seed }) => seed)
        .join(' ')}`,
    );
  }
  pool.close();
  for (const line of summary.lines()) print(line);
  const rare = summary.tooRare(given.nodes);
  if (rare.length > 0) print(`too rare to prove anything: ${rare.join(', ')}`);
  const isSound = failed.length === 0 && differing === 0 && rare.length === 0;
  print(isSound ? `sim: ${seeds} seeds, all sound` : `sim: ${failed.length} of ${seeds} seeds broken`);
  return isSound ? 0 : 1;
}

async function report(failed: SeedResult, { given }: SimOptions, pool: SeedPool): Promise<void> {
  const { result, without, faults } = await shrink(failed, given, (order) => pool.run(order));
  print('');
  print(`seed ${failed.seed} broken: ${failed.broken}`);
  if (result.broken !== failed.broken) print(`  with fewer faults: ${result.broken}`);
  print(`  with ${faults - without.length} of its ${faults} faults:`);
  for (const line of result.story) print(`  ${line}`);
  const left = without.length === 0 ? '' : ` WITHOUT=${without.join(',')}`;
  print(`  again: SEED=${failed.seed}${left} npm run sim -- --verbose${asWords(given)}`);
}

function asWords({ nodes, log }: Given): string {
  return (nodes === null ? '' : ` --nodes ${nodes}`) + (log === null ? '' : ` --log ${log}`);
}

process.exitCode = await main(process.argv.slice(2));
