/** `npm run sim:mutants [-- name …]`: each planted bug must be caught within so many seeds. */
import { SeedPool } from '../seed-pool.ts';
import { type Mutant, mutants } from './mutants.ts';

const seedsMax = 500;
const workers = 2;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Caught {
  readonly seed: number;
  readonly broken: string;
}

/** @returns whether it was caught */
async function hunt({ name, given }: Mutant, clean: SeedPool): Promise<boolean> {
  const pool = new SeedPool(workers, name);
  const caught: Caught[] = [];
  let next = 1;
  const huntOn = async (): Promise<void> => {
    while (caught.length === 0 && next <= seedsMax) {
      const seed = next++;
      const { broken } = await pool.run({ seed, given, without: [] });
      if (broken === null) continue;
      // A seed that breaks without the mutant proves nothing.
      const without = await clean.run({ seed, given, without: [] });
      if (without.broken === null) caught.push({ seed, broken });
      else process.stderr.write(`    seed ${seed} breaks without it: ${without.broken}\n`);
    }
  };
  await Promise.race([Promise.all(Array.from({ length: workers }, huntOn)), pool.failed]);
  pool.close();
  const [first] = caught.sort((a, b) => a.seed - b.seed);
  if (first === undefined) {
    print(`${name} SURVIVED ${seedsMax} seeds`);
    return false;
  }
  print(`${name} caught by seed ${first.seed} after ${first.seed} seeds`);
  process.stderr.write(`    ${first.broken}\n`);
  return true;
}

const wanted = process.argv.slice(2);
const clean = new SeedPool(workers, null);
let survivors = 0;
for (const mutant of mutants) {
  if (wanted.length > 0 && !wanted.some((word) => mutant.name.includes(word))) continue;
  if (!(await hunt(mutant, clean))) survivors++;
}
clean.close();
process.exitCode = survivors === 0 ? 0 : 1;
