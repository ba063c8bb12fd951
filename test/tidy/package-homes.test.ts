import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { packageHomes } from './package-homes.ts';
import { plant } from './plant.ts';

void test('rule: a package away from home, one without a home and a test package in a source are found', () => {
  const found = plant(packageHomes, {
    'runtime/actor/a.ts': "import { open } from 'lmdb';",
    'actors/mail/a.ts': "import leftPad from '@scope/left-pad/inner.js';",
    'cluster/raft/a.ts': "import fc from 'fast-check';",
    'test/a.test.ts': "import 'unheard-of';",
  });
  deepEqual(found, [
    'runtime/actor/a.ts:1 imports lmdb, whose home is runtime/store/lmdb-store.ts',
    'actors/mail/a.ts:1 imports @scope/left-pad, which has no home yet',
    'cluster/raft/a.ts:1 imports fast-check, whose home is test/',
    'test/a.test.ts:1 imports unheard-of, which has no home yet',
  ]);
});

void test('rule: a package at home is fine, and tests may use all that have one', () => {
  const found = plant(packageHomes, {
    'runtime/store/lmdb-store.ts': "import { open } from 'lmdb';\nimport { join } from 'node:path';",
    'test/a.test.ts': "import { open } from 'lmdb';\nimport fc from 'fast-check';",
  });
  deepEqual(found, []);
});
