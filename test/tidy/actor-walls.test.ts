import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { actorWalls } from './actor-walls.ts';
import { plant } from './plant.ts';

void test("rule: reaching behind an actor's protocol is found, also from an edge and from the vocabulary", () => {
  const found = plant(actorWalls, {
    'actors/mailbox/a.ts': "import '../spool/protocol.ts';\nimport '../spool/spool.ts';",
    'actors/edge/imap/a.ts': "import type { Row } from '../../mailbox/keys.ts';",
    'actors/mail/a.ts': "import '../mailbox/protocol.ts';",
    'actors/spool/a.ts': "import '../courier/courier.ts';\nimport '../admin/rows.ts';",
    'actors/admin/a.ts': "import '../account/account.ts';",
  });
  deepEqual(found, [
    'actors/mailbox/a.ts:2 imports actors/spool/spool.ts: only actors/spool/protocol.ts is for others',
    'actors/edge/imap/a.ts:1 imports actors/mailbox/keys.ts: only actors/mailbox/protocol.ts is for others',
    'actors/mail/a.ts:1 actors/mail imports actors/mailbox/protocol.ts: the vocabulary knows nobody',
    'actors/spool/a.ts:1 actors/spool imports actors/courier/courier.ts: nothing in actors/ looks out of its doors',
    'actors/spool/a.ts:2 actors/spool imports actors/admin/rows.ts: nothing in actors/ looks out of its doors',
    'actors/admin/a.ts:1 imports actors/account/account.ts: only actors/account/protocol.ts is for others',
  ]);
});

void test('rule: protocols, the vocabulary and the own folder are open, and the table of kinds sees the actors', () => {
  const found = plant(actorWalls, {
    'actors/kinds.ts': "import './mailbox/mailbox.ts';",
    'actors/mailbox/a.ts': "import './keys.ts';\nimport '../mail/message.ts';",
    'actors/edge/smtp/a.ts': "import '../../mailbox/protocol.ts';\nimport '../../inspect/stage.ts';",
    'actors/edge/http/a.ts': "import '../../account/password.ts';\nimport '../../admin/rows.ts';",
  });
  deepEqual(found, []);
});
