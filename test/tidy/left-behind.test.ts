import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { machinePaths, registryHosts, sleepingTests, stopMarks, testsSwitchedOff } from './left-behind.ts';
import { plant } from './plant.ts';

// Put together here, so that this file does not hold what it plants.
const join = (...parts: string[]): string => parts.join('');

void test('rule: a mark of unfinished work is found in sources, texts and scripts', () => {
  const mark = join('TO', 'DO');
  const found = plant(stopMarks, {
    'runtime/a.ts': `\n// ${mark}: finish`,
    'CHANGELOG.md': join('FIX', 'ME'),
    'actors/a.ts': '// todo lists are fine',
  });
  deepEqual(found, [`runtime/a.ts:2 has the mark ${mark}`, `CHANGELOG.md:1 has the mark ${join('FIX', 'ME')}`]);
});

void test("rule: a path of one person's machine is found; a URL, a system path and tmpdir() are not", () => {
  const found = plant(machinePaths, {
    'bench/a.ts': join("'/", "work/main/bench'; '/", "home/ann/mail'"),
    'test/a.test.ts': join("'/", "tmp/ringpost-test/data'"),
    'runtime/a.ts': "'https://example.org/work/a'; '/usr/sbin/postfix'; '/tmp'; 'src/work/a'",
  });
  deepEqual(
    found.map((finding) => finding.split(' ')[0]),
    ['bench/a.ts:1', 'bench/a.ts:1', 'test/a.test.ts:1'],
  );
});

void test('rule: the host of a registry is found, but not in the lock file', () => {
  const host = join('https://', 'registry.', 'npmjs.org');
  const found = plant(registryHosts, {
    '.npmrc': `registry=${host}/`,
    'package-lock.json': host,
    '.ci/run': join('npm --registry https://', 'npm.corp.example:4873'),
    'runtime/a.ts': 'registry.metrics.get();',
  });
  deepEqual(
    found.map((finding) => finding.split(' ')[0]),
    ['.npmrc:1', '.ci/run:1'],
  );
});

void test('rule: a test that is switched off or run alone is found', () => {
  const found = plant(testsSwitchedOff, {
    'test/a.test.ts':
      "test.skip('a', run);\nt.only('b');\ntest('c', { skip: true }, run);\nvoid test('d', needs, run);",
    'runtime/a.ts': 'lines.skip(2);',
  });
  deepEqual(found, ['test/a.test.ts:1 has .skip(', 'test/a.test.ts:2 has .only(', 'test/a.test.ts:3 has skip: true']);
});

void test('rule: a test that sleeps is found; what waits for tests is not', () => {
  const found = plant(sleepingTests, {
    'test/a.test.ts': "\nimport { setTimeout } from 'node:timers/promises';",
    'test/support/until.ts': 'setTimeout(check, 5);',
  });
  deepEqual(found, ['test/a.test.ts:2 uses setTimeout', "test/a.test.ts:2 uses 'node:timers/promises'"]);
});
