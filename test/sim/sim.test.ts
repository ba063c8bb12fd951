/** A few seeds of each size, so that a broken simulator is noticed without running many. `npm run sim` runs many. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutants } from './mutants/mutants.ts';
import { planted } from './mutants/plant.ts';
import { parseOptions } from './options.ts';
import { drawPlan, faultKinds } from './plan.ts';
import { carryOut } from './seed-worker.ts';
import { Summary } from './summary.ts';
import { Dice } from './world/random.ts';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const order = (seed: number, nodes: number | null) => ({ seed, given: { nodes }, without: [] });

for (const nodes of [1, 3]) {
  void test(`a cluster of ${nodes}: seeds are sound, and do the same when they are run again`, async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const result = await carryOut(order(seed, nodes), null);
      assert.equal(result.broken, null, result.story.join('\n'));
      const again = await carryOut(order(seed, nodes), null);
      assert.equal(again.hash, result.hash);
    }
  });
}

void test('a seed without one of its faults keeps all the others', () => {
  const { faults } = drawPlan(12, { nodes: 3 });
  assert.ok(faults.length > 2);
  assert.deepEqual(
    faults.map(({ number }) => number),
    faults.map((_, i) => i),
  );
  assert.deepEqual(drawPlan(12, { nodes: 3 }).faults, faults);
});

void test('chance is split by name: what is drawn for one purpose changes nothing for another', () => {
  const one = new Dice('seed 1');
  const before = one.split('disk').word();
  for (let i = 0; i < 10; i++) one.word();
  assert.equal(one.split('disk').word(), before);
  assert.notEqual(one.split('net').word(), before);
});

void test('a kind of fault that hardly occurred fails the summary', () => {
  const summary = new Summary();
  const kinds = Object.keys(faultKinds);
  for (let seed = 0; seed < 100; seed++) {
    const faultKinds = seed < 5 ? kinds : kinds.filter((kind) => kind !== 'stall' || seed < 4);
    const rare = seed === 0 ? faultKinds.filter((kind) => kind !== 'stall') : faultKinds;
    summary.add({ seed, hash: '', broken: null, story: [], faultKinds: seed < 5 ? rare : [], counts: {} });
  }
  assert.deepEqual(summary.tooRare(null), ['stall']);
});

void test('every mutant fits into the sources as they are', async () => {
  const texts = new Map<string, string>();
  for (const { edits } of mutants) {
    for (const { file } of edits) {
      texts.set(file, await readFile(join(import.meta.dirname, '..', '..', file), 'utf8'));
    }
    for (const edit of edits) planted(texts.get(edit.file)!, edit);
  }
  assert.throws(() => planted('once once', { file: 'x', find: 'once', put: '' }), /2 times/);
});

void test('what the command does not know it refuses', () => {
  assert.throws(() => parseOptions(['--seeds', 'many'], {}, () => 1), /--seeds is a whole number/);
  assert.throws(() => parseOptions(['--mix', 'paper'], {}, () => 1), /--mix is usual, quiet/);
  assert.deepEqual(parseOptions([], { SEED: '7', WITHOUT: '1,2' }, () => 1).without, [1, 2]);
});
