import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accounts } from '../../actors/account/protocol.ts';
import { addresses } from '../../actors/address/protocol.ts';
import { deliveryDomains } from '../../actors/delivery-domain/protocol.ts';
import { kinds } from '../../actors/kinds.ts';
import { localDomains } from '../../actors/local-domain/protocol.ts';
import { mailboxes } from '../../actors/mailbox/protocol.ts';
import { clusterSettings } from '../../actors/settings/protocol.ts';
import { spools } from '../../actors/spool/protocol.ts';

void test('every kind that a protocol names is in the table, under that name', () => {
  const named = [accounts, addresses, deliveryDomains, localDomains, mailboxes, clusterSettings, spools].map(
    ({ kind }) => kind,
  );
  assert.deepEqual([...kinds.keys()].sort(), named.sort());
  for (const [name, { kind, rowVersion }] of kinds) {
    assert.equal(kind, name);
    assert.ok(rowVersion >= 1 && rowVersion <= 255);
  }
});
