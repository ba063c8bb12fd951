/** `npm run sim`: see `--help`. */
import { randomInt } from 'node:crypto';
import { Batch } from './batch.ts';
import { parseOptions, type SimOptions, usage } from './options.ts';
import { SeedPool } from './seed-pool.ts';
import { carryOut, catchRejections } from './seed-worker.ts';

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

async function many({ seeds, from, given, workers }: SimOptions): Promise<number> {
  print(`sim: seeds ${from} to ${from + seeds - 1} on ${workers} processes`);
  const pool = new SeedPool(workers, null);
  const batch = new Batch(pool, given);
  const { summary, failed, differing } = batch;
  const timer = setInterval(() => {
    process.stderr.write(`sim: ${summary.seeds} of ${seeds} seeds, ${failed.length} broken\n`);
  }, progressMs);
  const range = Array.from({ length: seeds }, (_, i) => from + i);
  await batch.run(range, ({ seed, broken }) => void process.stderr.write(`sim: seed ${seed} broken: ${broken}\n`));
  clearInterval(timer);
  for (const each of failed.slice(0, failuresShownMax)) for (const line of await batch.story(each)) print(line);
  const more = failed.slice(failuresShownMax).map(({ seed }) => seed);
  if (more.length > 0) print(`and ${more.length} more: ${more.join(' ')}`);
  pool.close();
  for (const line of [...differing, ...summary.lines()]) print(line);
  const rare = given.profile === undefined ? summary.tooRare(given.nodes) : [];
  if (rare.length > 0) print(`too rare to prove anything: ${rare.join(', ')}`);
  const isSound = failed.length === 0 && differing.length === 0 && rare.length === 0;
  print(isSound ? `sim: ${seeds} seeds, all sound` : `sim: ${failed.length} of ${seeds} seeds broken`);
  return isSound ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
