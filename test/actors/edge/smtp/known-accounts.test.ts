/** What the edge remembers of accounts that send, and that it never lets one send that no longer may. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Account } from '../../../../actors/edge/smtp/dialogue.ts';
import { accountChangedTopic, KnownAccounts } from '../../../../actors/edge/smtp/known-accounts.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { expectReply, formatAnswer } from '../../../support/smtp-answers.ts';
import type { SmtpClient } from '../../../support/smtp-client.ts';
import { submissionListener, SmtpWorld } from '../../../support/smtp-edge-world.ts';

let world: SmtpWorld;
let client: SmtpClient;
beforeEach(async () => {
  world = await SmtpWorld.start({ listener: submissionListener });
  client = await world.client();
  const plain = Buffer.from('\0ann@example.org\0secret').toString('base64');
  expectReply(await client.ask(`AUTH PLAIN ${plain}`), 235);
  world.core.calls.length = 0;
});
afterEach(() => world.stop());

async function mail(): Promise<string> {
  await client.ask('RSET');
  return formatAnswer(await client.ask('MAIL FROM:<ann@example.org>'));
}

const questions = (): number => world.core.calls.filter((call) => call === 'account:a-m-ann').length;

void test('known accounts: one that sends is asked for once a second, its facts and its credential', async () => {
  for (let i = 0; i < 3; i++) assert.equal(await mail(), '250 2.1.0 Ok');
  assert.equal(questions(), 2);
  world.clock.advance(1_000);
  assert.equal(await mail(), '250 2.1.0 Ok');
  assert.equal(questions(), 4);
});

void test('known accounts: one that was disabled sends nothing as soon as the core has said that it changed', async () => {
  assert.equal(await mail(), '250 2.1.0 Ok');
  world.core.setAccount('a-m-ann', { enabled: false });
  assert.match(await mail(), /^550 5\.7\.1 This account may no longer/);
});

void test('known accounts: without a word from the core it is believed for a second and no longer', async () => {
  assert.equal(await mail(), '250 2.1.0 Ok');
  world.core.setAccount('a-m-ann', { enabled: false }, false);
  world.clock.advance(999);
  assert.equal(await mail(), '250 2.1.0 Ok');
  world.clock.advance(1);
  assert.match(await mail(), /^550 5\.7\.1 This account may no longer/);
});

void test('known accounts: an answer that a change overtook is not remembered', async () => {
  const asked = client.ask('MAIL FROM:<ann@example.org>');
  while (questions() === 0) await new Promise((resolve) => void setImmediate(resolve));
  world.core.publish(accountChangedTopic, 'a-m-ann');
  assert.equal(formatAnswer(await asked), '250 2.1.0 Ok');
  const before = questions();
  await mail();
  assert.equal(questions(), before + 2);
});

function account(credentialId: string, expiresMs: number | null): Account {
  const credential = {
    id: credentialId,
    kind: 'password',
    label: '',
    scopes: ['all'],
    hash: '',
    createdMs: 0,
  } as const;
  const facts = { exists: true, accountId: 'a', address: 'a@x', mailboxId: 'm', displayName: '' } as const;
  return {
    ...{ kind: 'authenticated', principal: { kind: 'account', id: 'a' } },
    ...{ facts: { ...facts, enabled: true, savesSent: false, createdMs: 0 }, credential: { ...credential, expiresMs } },
  };
}

void test('known accounts: another credential of the same account is asked for', () => {
  const known = new KnownAccounts(new FakeClock());
  known.keep(account('c1', null), 0);
  assert.notEqual(known.get(account('c1', null)), null);
  assert.equal(known.get(account('c2', null)), null);
});

void test('known accounts: a credential ends at its end', () => {
  const clock = new FakeClock();
  const known = new KnownAccounts(clock);
  known.keep(account('c1', clock.nowMs() + 500), 0);
  clock.advance(499);
  assert.notEqual(known.get(account('c1', null)), null);
  clock.advance(1);
  assert.equal(known.get(account('c1', null)), null);
});
