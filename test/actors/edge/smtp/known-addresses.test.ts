/** What the edge remembers of addresses, and that it never says of one what is no longer so. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { addressChangedTopic, domainChangedTopic } from '../../../../actors/edge/smtp/known-addresses.ts';
import { formatAnswer } from '../../../support/smtp-answers.ts';
import type { SmtpClient } from '../../../support/smtp-client.ts';
import { SmtpWorld } from '../../../support/smtp-edge-world.ts';

let world: SmtpWorld;
let client: SmtpClient;
beforeEach(async () => {
  world = await SmtpWorld.start();
  client = await world.client();
});
afterEach(() => world.stop());

async function rcpt(address: string): Promise<string> {
  await client.ask('RSET');
  await client.ask('MAIL FROM:<a@remote.example>');
  return formatAnswer(await client.ask(`RCPT TO:<${address}>`));
}

const questions = (address: string): number => world.core.calls.filter((call) => call === `address:${address}`).length;

void test('known addresses: one that leads to a mailbox is asked for once a second', async () => {
  for (let i = 0; i < 3; i++) assert.equal(await rcpt('ann@example.org'), '250 2.1.5 Ok');
  assert.equal(questions('ann@example.org'), 1);
  world.clock.advance(1_000);
  assert.equal(await rcpt('ann@example.org'), '250 2.1.5 Ok');
  assert.equal(questions('ann@example.org'), 2);
});

void test('known addresses: refusals, aliases and full mailboxes are asked for each time', async () => {
  for (const address of ['gone@example.org', 'all@example.org', 'eve@example.org']) {
    await rcpt(address);
    await rcpt(address);
    assert.equal(questions(address), 2, address);
  }
});

void test('known addresses: one that became full is refused as soon as the core has said that it changed', async () => {
  await rcpt('ann@example.org');
  world.core.address('ann@example.org', 'm-ann', true);
  world.core.publish(addressChangedTopic, 'ann@example.org');
  assert.equal(await rcpt('ann@example.org'), '452 4.2.2 Mailbox is over quota');
});

void test('known addresses: an answer that a change overtook is not remembered', async () => {
  await client.ask('MAIL FROM:<a@remote.example>');
  const asked = client.ask('RCPT TO:<ann@example.org>');
  while (questions('ann@example.org') === 0) await new Promise((resolve) => void setImmediate(resolve));
  world.core.publish(addressChangedTopic, 'ann@example.org');
  assert.equal(formatAnswer(await asked), '250 2.1.5 Ok');
  await rcpt('ann@example.org');
  assert.equal(questions('ann@example.org'), 2);
});

void test('known addresses: a domain that is not ours is asked for once a second, and anew when it has become ours', async () => {
  const asked = (): number => world.core.calls.filter((call) => call.includes('remote.example')).length;
  assert.match(await rcpt('bob@remote.example'), /^550 5\.7\.1/);
  const first = asked();
  assert.ok(first > 0);
  await rcpt('cy+x@remote.example');
  assert.equal(asked(), first);
  world.core.publish(domainChangedTopic, 'remote.example');
  await rcpt('bob@remote.example');
  assert.ok(asked() > first);
  const second = asked();
  world.clock.advance(1_000);
  await rcpt('bob@remote.example');
  assert.ok(asked() > second);
});

void test('known addresses: when any of them may have changed, none is believed', async () => {
  const asked = (what: string): number => world.core.calls.filter((call) => call.includes(what)).length;
  await rcpt('ann@example.org');
  await rcpt('bob@remote.example');
  const before = asked('remote.example');
  world.core.publish(addressChangedTopic, null);
  world.core.publish(domainChangedTopic, null);
  await rcpt('ann@example.org');
  await rcpt('bob@remote.example');
  assert.equal(questions('ann@example.org'), 2);
  assert.ok(asked('remote.example') > before);
});
