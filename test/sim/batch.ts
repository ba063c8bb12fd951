/** Many seeds on a pool of processes: what they have shown, and what broke. */
import type { Given } from './plan.ts';
import type { SeedResult } from './run-seed.ts';
import type { SeedPool } from './seed-pool.ts';
import { shrink } from './shrink.ts';
import { Summary } from './summary.ts';

/** Every so many seeds one is run twice: both must have the same trace. */
const repeatedEvery = 25;

export class Batch {
  readonly summary = new Summary();
  readonly failed: SeedResult[] = [];
  /** Seeds that had another trace the second time. */
  readonly differing: string[] = [];
  readonly #pool: SeedPool;
  readonly #given: Given;

  constructor(pool: SeedPool, given: Given) {
    this.#pool = pool;
    this.#given = given;
  }

  /** @param broke is told at once of a seed that broke */
  async run(seeds: readonly number[], broke: (result: SeedResult) => void = () => undefined): Promise<void> {
    await Promise.race([Promise.all(seeds.map((seed) => this.#run(seed, broke))), this.#pool.failed]);
    this.failed.sort((a, b) => a.seed - b.seed);
  }

  async #run(seed: number, broke: (result: SeedResult) => void): Promise<void> {
    const order = { seed, given: this.#given, without: [] };
    const result = await this.#pool.run(order);
    this.summary.add(result);
    if (result.broken !== null) {
      this.failed.push(result);
      broke(result);
    }
    if (seed % repeatedEvery !== 0) return;
    const again = await this.#pool.run(order);
    if (again.hash === result.hash) return;
    this.differing.push(
      `seed ${seed} ran twice and had the traces ${result.hash} and ${again.hash}: something is left to chance`,
    );
  }

  /** What broke, with as few faults as break it, and how to see it again. */
  async story(failed: SeedResult): Promise<string[]> {
    const { result, without, faults } = await shrink(failed, this.#given, (order) => this.#pool.run(order));
    const { nodes, profile, forming } = this.#given;
    const left = without.length === 0 ? '' : ` WITHOUT=${without.join(',')}`;
    const given =
      (nodes === null ? '' : ` --nodes ${nodes}`) +
      (profile === undefined ? '' : ` --mix ${profile}`) +
      (forming === undefined ? '' : ` --forming ${forming}`);
    return [
      `seed ${failed.seed} broken: ${failed.broken}`,
      ...(result.broken === failed.broken ? [] : [`  with fewer faults: ${result.broken}`]),
      `  with ${faults - without.length} of its ${faults} faults:`,
      ...result.story.map((line) => `  ${line}`),
      `  again: SEED=${failed.seed}${left} npm run sim -- --verbose${given}`,
    ];
  }
}
