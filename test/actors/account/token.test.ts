import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { account } from '../../../actors/account/account.ts';
import type { Credential } from '../../../actors/account/protocol.ts';
import {
  formatToken,
  hashTokenSecret,
  isTokenHash,
  isTokenSecret,
  newTokenSecret,
  parseToken,
} from '../../../actors/account/token.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const accountId = '01k9zq2v7h3m5n8p4r6s1t0w2x';
const credentialId = '01k9zq2v7h3m5n8p4r6s1t0w2y';

void test('a token is read back as it was written, and nothing else is one', () => {
  const token = { accountId, credentialId, secret: newTokenSecret(systemRandom) };
  assert.deepEqual(parseToken(formatToken(token)), token);
  const text = formatToken(token);
  for (const other of ['', 'rp_', text.slice(1), `${text}0`, text.slice(0, -1), text.toUpperCase(), `${text}\n`]) {
    assert.equal(parseToken(other), null, other);
  }
  fc.assert(fc.property(fc.string(), (any) => parseToken(any) === null));
});

void test('a secret is known by its hash alone', () => {
  const secret = newTokenSecret(systemRandom);
  assert.equal(secret.length, 32);
  assert.notEqual(secret, newTokenSecret(systemRandom));
  assert.equal(isTokenSecret(hashTokenSecret(secret), secret), true);
  assert.equal(isTokenSecret(hashTokenSecret(secret), newTokenSecret(systemRandom)), false);
  assert.equal(isTokenSecret(null, secret), false);
  assert.equal(isTokenHash(hashTokenSecret(secret)), true);
  assert.equal(isTokenHash(`${hashTokenSecret(secret)}x`), false);
});

void test('an account keeps a quick hash for a token only: nobody could guess at it', () => {
  const actor = new ActorBench(account, { key: accountId });
  const named = { address: 'ann@example.org', mailboxId: 'm', displayName: '', credential: null };
  actor.ask({ kind: 'create', ...named });
  const add = (kind: Credential['kind'], hash: string, expiresMs: number | null = null): string => {
    const credential = { kind, label: '', scopes: ['api'], hash, expiresMs } as const;
    return actor.ask({ kind: 'addCredential', credential, replaceKind: false }).credentialId;
  };
  const quick = hashTokenSecret('x');
  const isRefused = (error: unknown) => error instanceof OperationError && error.code === 'badCredential';
  assert.throws(() => add('password', quick), isRefused);
  assert.throws(() => add('appPassword', quick), isRefused);
  assert.throws(() => add('token', 'x'), isRefused);
  const id = add('token', quick);
  assert.equal(actor.query({ kind: 'credential', credentialId: id })?.hash, quick);
  assert.equal(actor.query({ kind: 'credential', credentialId: 'other' }), null);
  assert.equal(actor.query({ kind: 'credential', credentialId: '\0' }), null);
  assert.deepEqual(actor.query({ kind: 'credentials', scope: null }), [], 'none to compare passwords with');
  const late = add('token', quick, actor.nowMs + 1);
  actor.nowMs += 1;
  assert.equal(actor.query({ kind: 'credential', credentialId: late }), null);
  const listed = actor.query({ kind: 'credentialList' });
  assert.deepEqual(listed.map((one) => one.id).sort(), [id, late].sort());
  assert.ok(
    listed.every((one) => !('hash' in one)),
    'hashes do not leave',
  );
  actor.ask({ kind: 'setEnabled', enabled: false });
  assert.equal(actor.query({ kind: 'credential', credentialId: id }), null);
});
