/** `npm run sim:mutants [-- name …]`: each planted bug must be caught within so many seeds. */
import { SeedPool } from '../seed-pool.ts';
import type { Given } from '../plan.ts';
import { type Mutant, mutants } from './mutants.ts';

const seedsMax = 500;
const workers = 2;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

interface Caught {
  readonly seed: number;
  readonly broken: string;
}

/** @returns whether it was caught */
async function hunt({ name, given, seenAs }: Mutant, clean: SeedPool): Promise<boolean> {
  const pool = new SeedPool(workers, name);
  const caught: Caught[] = [];
  let others = 0;
  let next = 1;
  const huntOn = async (): Promise<void> => {
    while (caught.length === 0 && next <= seedsMax) {
      const seed = next++;
      const { broken } = await pool.run({ seed, given, without: [] });
      if (broken === null) continue;
      if (!seenAs.test(broken)) {
        others++;
        process.stderr.write(`    seed ${seed} breaks by something else: ${broken.slice(0, 160)}\n`);
        continue;
      }
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
    const why = others === 0 ? '' : `; ${others} broke by something else`;
    print(`${name} SURVIVED ${seedsMax} seeds${mixOf(given)}${why}`);
    return false;
  }
  print(`${name} caught by seed ${first.seed} after ${first.seed} seeds${mixOf(given)}`);
  process.stderr.write(`    ${first.broken.slice(0, 300)}\n`);
  return true;
}

/** What the seeds have in common that was not drawn. */
function mixOf({ nodes, profile, forming }: Given): string {
  const mix = profile === undefined ? '' : `, only the mix "${profile}"`;
  return ` (${nodes === 1 ? '1 node' : `${nodes ?? '1 to 7'} nodes`}${forming === undefined ? '' : `, ${forming}`}${mix})`;
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
