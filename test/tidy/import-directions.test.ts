import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { importDirections } from './import-directions.ts';
import { plant } from './plant.ts';

void test('rule: a room that imports a stranger is found, also by type, by re-export and in the middle of the code', () => {
  const found = plant(importDirections, {
    'runtime/store/a.ts': "\nimport type { Message } from '../../actors/mail/message.ts';",
    'actors/mailbox/a.ts': "export { step } from '../../cluster/raft/step.ts';",
    'cluster/raft/a.ts': "const later = () => import('../../actors/kinds.ts');",
    'runtime/base/a.ts': "let key: import('../store/keys.ts').RowKey;",
    'runtime/cli/a.ts': "import '../main.ts';",
    'actors/mail/a.ts': "import { simCluster } from '../../test/sim/cluster.ts';",
  });
  deepEqual(found, [
    'runtime/store/a.ts:2 runtime/ imports actors/mail/message.ts',
    'actors/mailbox/a.ts:1 actors/ imports cluster/raft/step.ts',
    'cluster/raft/a.ts:1 cluster/ imports actors/kinds.ts',
    'runtime/base/a.ts:1 runtime/base imports runtime/store/keys.ts',
    'runtime/cli/a.ts:1 imports runtime/main.ts, which is above all rooms',
    'actors/mail/a.ts:1 actors/ imports test/sim/cluster.ts',
  ]);
});

void test('rule: the composition root imports all rooms, and every room the runtime', () => {
  const found = plant(importDirections, {
    'runtime/main.ts': "import '../actors/kinds.ts';\nimport '../cluster/cluster.ts';",
    'actors/mail/a.ts': "import '../../runtime/base/ids.ts';\n// import '../../cluster/cluster.ts';",
    'cluster/raft/a.ts': "import '../../runtime/base/ids.ts';",
    'test/a.test.ts': "import '../actors/kinds.ts';",
  });
  deepEqual(found, []);
});
