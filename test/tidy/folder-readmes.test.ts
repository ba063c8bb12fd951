import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { folderReadmes } from './folder-readmes.ts';
import { plant } from './plant.ts';

const sixFiles = Object.fromEntries(['a', 'b', 'c', 'd', 'log', 'local-log'].map((name) => [`runtime/${name}.ts`, '']));
const readme = (text: string): Record<string, string> => ({ ...sixFiles, 'runtime/README.md': text });

void test('rule: a folder of six files without a README is found, one of five is not', () => {
  deepEqual(plant(folderReadmes, sixFiles), ['runtime/README.md:1 is missing; runtime/ has 6 files']);
  const { 'runtime/a.ts': _, ...fiveFiles } = sixFiles;
  deepEqual(plant(folderReadmes, fiveFiles), []);
});

void test('rule: a README that leaves a file out is found, and a longer name does not name a shorter one', () => {
  const found = plant(folderReadmes, readme('`a.ts` `b.ts` `c.ts` `d.ts` `local-log.ts`'));
  deepEqual(found, ['runtime/README.md:1 does not name log.ts']);
  deepEqual(plant(folderReadmes, readme('a.ts, b.ts, c.ts, d.ts, log.ts and local-log.ts.')), []);
});
