/** The share of the simulator that runs with all other tests: 300 seeds that are the same each time, and 100 that nobody has seen. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, test } from 'node:test';
import { Batch } from './batch.ts';
import type { SeedResult } from './run-seed.ts';
import { SeedPool } from './seed-pool.ts';

const fixedSeeds = 300;
const freshSeeds = 100;
const storiesMax = 2;

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

const pool = new SeedPool(2, null);
after(() => pool.close());

async function stories(batch: Batch, failed: readonly SeedResult[]): Promise<string> {
  const lines: string[] = [];
  for (const each of failed.slice(0, storiesMax)) lines.push(...(await batch.story(each)));
  for (const { seed, broken } of failed.slice(storiesMax)) lines.push(`seed ${seed} broken: ${broken}`);
  return lines.join('\n');
}

void test('fixed and fresh seeds are sound, and no kind of fault was rare', { timeout: 550_000 }, async (t) => {
  const fresh = randomInt(1_000_000, 1_000_000_000);
  t.diagnostic(`fresh seeds: npm run sim -- --seeds ${freshSeeds} --from ${fresh}`);
  const batch = new Batch(pool, { nodes: null });
  await batch.run([...range(1, fixedSeeds), ...range(fresh, freshSeeds)]);
  assert.equal(await stories(batch, batch.failed), '', `fresh seeds began at ${fresh}`);
  assert.deepEqual(batch.differing, []);
  assert.deepEqual(batch.summary.tooRare(null), []);
});
