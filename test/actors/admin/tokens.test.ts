import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminWorld } from './admin-world.ts';

void test('a token is made, shown once, listed without its secret, and revoked', async () => {
  const world = await adminWorld();
  await world.cli(['domain', 'add', 'example.org']);
  await world.cli(['account', 'add', 'ann@example.org']);
  const made = await world.json([
    ...['token', 'create', 'ann@example.org'],
    ...['--scope', 'submit', '--label', 'shop', '--expires', '90d'],
  ]);
  assert.match(made.token, /^rp_[0-9a-z]{26}_[0-9a-z]{26}_[0-9a-z]{32}$/);
  const said = await world.cli(['token', 'create', 'ann@example.org']);
  assert.match(said.text, /^rp_\S+\nShown only now\. Expires: never/);

  const list = await world.json(['token', 'list', 'ann@example.org']);
  assert.equal(list.length, 2);
  const [first] = list.filter((one: { id: string }) => one.id === made.id);
  assert.deepEqual([first.scopes, first.label, first.isExpired], [['submit'], 'shop', false]);
  const days = (Date.parse(first.expiresAt) - Date.parse(first.createdAt)) / 86_400_000;
  assert.ok(Math.abs(days - 90) < 0.01);
  const secret = made.token.split('_')[3];
  assert.ok(!JSON.stringify(list).includes(secret));
  assert.match((await world.cli(['token', 'list', 'ann@example.org'])).text, /ID +SCOPE +CREATED +EXPIRES +LABEL/);

  assert.equal((await world.cli(['token', 'revoke', 'ann@example.org', made.id])).status, 0);
  assert.equal((await world.json(['token', 'list', 'ann@example.org'])).length, 1);
  const again = await world.cli(['token', 'revoke', 'ann@example.org', made.id]);
  assert.equal(again.status, 1);
  assert.match(again.err, /token list ann@example\.org/);
  await world.stop();
});

void test('a scope or duration that is none is wrong usage, an account that is none is refused', async () => {
  const world = await adminWorld();
  await world.cli(['domain', 'add', 'example.org']);
  for (const words of [
    ['--scope', 'everything'],
    ['--expires', 'soon'],
    ['--expires', '0d'],
    ['--expires', '20000d'],
  ]) {
    assert.equal((await world.cli(['token', 'create', 'ann@example.org', ...words])).status, 2, words.join(' '));
  }
  for (const words of [['create'], ['list'], ['revoke']]) {
    const last = words[0] === 'revoke' ? ['x'] : [];
    const said = await world.cli(['token', ...words, 'nobody@example.org', ...last]);
    assert.equal(said.status, 1);
    assert.match(said.err, /there is no account/);
  }
  await world.stop();
});
