import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commitPendingTokens, type PendingToken, readPendingTokens } from '../../../cluster/cli/pending-tokens.ts';
import { caHash } from '../../../cluster/identity/certificates.ts';
import { readIdentity } from '../../../cluster/identity/identity-files.ts';
import { parseToken, secretHashOf } from '../../../cluster/identity/token.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { refused, tryLater } from '../../../runtime/base/errors.ts';
import { openDataDirectory } from '../../../runtime/store/data-directory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { emptyDirectory, say, serveInspections } from './cli-world.ts';

async function initialised(t: Parameters<typeof emptyDirectory>[0]): Promise<string> {
  const data = emptyDirectory(t);
  assert.equal((await say(['init', '--data', data])).status, 0);
  return data;
}

void test('token create without an address prints a token of the running node, alone on standard output', async (t) => {
  const data = emptyDirectory(t);
  const orders: unknown[] = [];
  const made = { token: 'rp1.x', expiresMs: systemClock.nowMs() + 7_200_000, address: '192.0.2.1:2580' };
  await serveInspections(t, data, (topic, argument) => {
    orders.push([topic, argument]);
    return made;
  });
  const said = await say(['token', 'create', '--expires', '2h', '--data', data]);
  assert.deepEqual([said.status, said.out], [0, 'rp1.x\n']);
  assert.match(said.err, /Good for one node, for 2 h\.[^]*ringpost join 192\.0\.2\.1:2580 --token TOKEN/);
  await say(['token', 'create', '--data', data]);
  assert.deepEqual(orders, [
    ['createJoinToken', { expiresInMs: 7_200_000 }],
    ['createJoinToken', { expiresInMs: 3_600_000 }],
  ]);
  const json = JSON.parse((await say(['token', 'create', '--json', '--data', data])).out);
  assert.deepEqual(Object.keys(json), ['token', 'expiresAt', 'address']);
});

void test('what is no time, and options of the other kind of token, are wrong usage', async (t) => {
  const data = emptyDirectory(t);
  for (const words of [
    ['--expires', 'soon'],
    ['--expires', '0s'],
    ['--expires', '90d'],
    ['--scope', 'api'],
    ['--label', 'x'],
  ]) {
    assert.equal((await say(['token', 'create', '--data', data, ...words])).status, 2, words.join(' '));
  }
});

void test('with an address it is asked for an account, as ever', async (t) => {
  const data = emptyDirectory(t);
  await serveInspections(t, data, () => null);
  // The API of this test has the rows of the core alone.
  assert.match((await say(['token', 'create', 'ann@example.org', '--data', data])).err, /token-create/);
});

void test('where no node runs, a token is kept in the directory as a hash, and pins the CA that init made', async (t) => {
  const data = await initialised(t);
  const said = await say(['token', 'create', '--data', data]);
  assert.equal(said.status, 0);
  assert.match(said.err, /good from the next start/);
  const { caHash: pinned, secret } = parseToken(said.out);
  const identity = await readIdentity(data);
  assert.ok(identity);
  assert.equal(pinned, caHash(identity.caCertificate));
  const [kept, ...others] = readPendingTokens(data);
  assert.equal(kept?.secretHash, secretHashOf(secret));
  assert.ok(Math.abs((kept?.expiresMs ?? 0) - systemClock.nowMs() - 3_600_000) < 60_000);
  assert.deepEqual(others, []);
  assert.equal(statSync(join(data, 'pending-tokens.json')).mode & 0o777, 0o600);
  await say(['token', 'create', '--data', data]);
  assert.equal(readPendingTokens(data).length, 2);
});

void test('no node and no cluster: start it first; a node on its way up: try again', async (t) => {
  assert.match((await say(['token', 'create', '--data', emptyDirectory(t)])).err, /\[startFirst\]/);
  const data = await initialised(t);
  const starting = openDataDirectory({ path: data, clock: systemClock });
  const said = await say(['token', 'create', '--data', data]);
  starting.close();
  assert.match(said.err, /\[nodeStarting\]/);
  assert.deepEqual(readPendingTokens(data), []);
});

void test('the node commits what waits, leaves out what is too old, and then nothing waits any more', async (t) => {
  const data = emptyDirectory(t);
  const clock = new FakeClock();
  const pending = (text: string, expiresMs: number): PendingToken => ({ secretHash: secretHashOf(text), expiresMs });
  const tokens = [pending('a', clock.nowMs() + 5), pending('b', clock.nowMs()), pending('c', clock.nowMs() + 5)];
  writeFileSync(join(data, 'pending-tokens.json'), JSON.stringify(tokens));
  const busy = tryLater('busy', 'later');
  await assert.rejects(
    commitPendingTokens(data, clock, () => Promise.reject(busy)),
    { code: 'busy' },
  );
  assert.equal(readPendingTokens(data).length, 3, 'they wait on');
  const created: PendingToken[] = [];
  const refusals = await commitPendingTokens(data, clock, (token) => {
    if (token === undefined || created.push(token) === 1) return Promise.resolve();
    return Promise.reject(refused('tooManyTokens', 'enough'));
  });
  assert.deepEqual(created, [tokens[0], tokens[2]]);
  assert.deepEqual(
    refusals.map(({ code }) => code),
    ['tooManyTokens'],
  );
  assert.deepEqual(readPendingTokens(data), []);
});

void test('a list of tokens that was tampered with is refused as a whole', (t) => {
  const data = emptyDirectory(t);
  for (const text of ['{', '{}', '[{"secretHash":"x","expiresMs":1}]', '[null]']) {
    writeFileSync(join(data, 'pending-tokens.json'), text);
    assert.throws(() => readPendingTokens(data), { code: 'pendingTokensDamaged' }, text);
  }
});
