import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { fileLength, functionLength, medianLength } from './lengths.ts';
import { lines, plant } from './plant.ts';

void test('rule: a file of 401 lines is found, one of 400 is not', () => {
  const found = plant(fileLength, { 'actors/a.ts': lines(400), 'test/b.test.ts': lines(401) });
  deepEqual(found, ['test/b.test.ts:401 has 401 lines']);
});

void test('rule: a median of 150 lines is found', () => {
  const short = { 'runtime/a.ts': lines(10), 'test/long.test.ts': lines(390) };
  deepEqual(plant(medianLength, short), []);
  const long = { ...short, 'runtime/b.ts': lines(150), 'runtime/c.ts': lines(200) };
  deepEqual(plant(medianLength, long), ['.:1 the median is 150 lines']);
});

void test('rule: a function of 71 lines of code is found; blank lines and comments do not count, tests are free', () => {
  const long = `\nconst run = () => {\n${lines(69)}};`;
  const airy = `function run() {\n${lines(68)}\n\n// why\n/* and\n   why */\n};`;
  const found = plant(functionLength, { 'actors/long.ts': long, 'actors/airy.ts': airy, 'test/a.test.ts': long });
  deepEqual(found, ['actors/long.ts:2 a function of 71 lines']);
});
