import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { kebabNames, tellingNames } from './file-names.ts';
import { plant } from './plant.ts';

void test('rule: a name that says nothing is found, also as a test', () => {
  const found = plant(tellingNames, {
    'runtime/index.ts': '',
    'test/support/helpers.test.ts': '',
    'actors/mail/mime-types.ts': '',
  });
  deepEqual(found, [
    'runtime/index.ts:1 is called index.ts',
    'test/support/helpers.test.ts:1 is called helpers.test.ts',
  ]);
});

void test('rule: camelCase, snake_case and capitals are found; README.md and the data of tests are free', () => {
  const found = plant(kebabNames, {
    'runtime/lmdbStore.ts': '',
    'actors/local_domain/keys.ts': '',
    'bench/Load.ts': '',
    'bench/README.md': '',
    'test/data/Some Mail.eml': '',
    'test/local-log.test.ts': '',
  });
  deepEqual(
    found.map((finding) => finding.split(':')[0]),
    ['runtime/lmdbStore.ts', 'actors/local_domain/keys.ts', 'bench/Load.ts'],
  );
});
