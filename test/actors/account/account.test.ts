import assert from 'node:assert/strict';
import { test } from 'node:test';
import { account } from '../../../actors/account/account.ts';
import type { Credential, Scope } from '../../../actors/account/protocol.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;

function credential(facts: Partial<Credential> = {}): Omit<Credential, 'id' | 'createdMs'> {
  return { kind: 'password', label: '', scopes: ['all'], hash: '$argon2id$v=19$x', expiresMs: null, ...facts };
}

const ann = {
  kind: 'create',
  address: 'ann@example.org',
  mailboxId: 'm',
  displayName: 'Ann',
  credential: credential(),
} as const;

function bench() {
  const actor = new ActorBench(account, { key: 'acc' });
  actor.ask(ann);
  return actor;
}

const labels = (actor: ReturnType<typeof bench>, scope: Scope) =>
  actor.query({ kind: 'credentials', scope }).map(({ label }) => label);

void test('an account is what it was made with; an equal creation changes nothing, another one is refused', () => {
  const actor = bench();
  const facts = {
    exists: true,
    accountId: 'acc',
    address: 'ann@example.org',
    mailboxId: 'm',
    displayName: 'Ann',
    enabled: true,
    savesSent: false,
  };
  assert.deepEqual(actor.query({ kind: 'facts' }), { ...facts, createdMs: actor.nowMs });
  assert.deepEqual(actor.ask({ ...ann, credential: credential({ label: 'second' }) }), { created: false });
  assert.deepEqual(labels(actor, 'mail'), ['']);
  assert.throws(() => actor.ask({ ...ann, address: 'bob@example.org' }), refusal('accountExists'));
});

void test('credentials are asked for by scope, and only those that hold', () => {
  const actor = bench();
  const add = (facts: Partial<Credential>, replaceKind = false) =>
    actor.ask({ kind: 'addCredential', credential: credential(facts), replaceKind }).credentialId;
  add({ kind: 'appPassword', label: 'phone', scopes: ['mail', 'submit'] });
  add({ kind: 'token', label: 'script', scopes: ['api'], expiresMs: actor.nowMs + 1000 });
  assert.deepEqual(labels(actor, 'mail'), ['', 'phone']);
  assert.deepEqual(labels(actor, 'api'), ['', 'script']);
  actor.advance(1000);
  assert.deepEqual(labels(actor, 'api'), ['']);
  const id = add({ label: 'new' }, true);
  assert.deepEqual(labels(actor, 'mail'), ['phone', 'new']);
  assert.deepEqual(actor.ask({ kind: 'removeCredential', credentialId: id }), { removed: true });
  for (const credentialId of [id, '\x01', '\ud800']) {
    assert.deepEqual(actor.ask({ kind: 'removeCredential', credentialId }), { removed: false });
  }
});

void test('a disabled account has no credentials, and has them again when enabled', () => {
  const actor = bench();
  actor.ask({ kind: 'setEnabled', enabled: false });
  assert.deepEqual(labels(actor, 'mail'), []);
  assert.equal(actor.query({ kind: 'facts' }).enabled, false);
  actor.ask({ kind: 'setEnabled', enabled: true });
  assert.deepEqual(labels(actor, 'mail'), ['']);
});

void test('a password in clear is never kept, nor a credential without scope, nor more than 100', () => {
  const actor = bench();
  const add = (facts: Partial<Credential>) => () =>
    actor.ask({ kind: 'addCredential', credential: credential(facts), replaceKind: false });
  assert.throws(add({ hash: 'secret' }), refusal('badCredential'));
  assert.throws(add({ scopes: [] }), refusal('badCredential'));
  for (let i = 1; i < 100; i++) add({ label: `${i}` })();
  assert.throws(add({}), refusal('tooManyCredentials'));
});

void test('a removed account leaves nothing', () => {
  const actor = bench();
  assert.deepEqual(actor.ask({ kind: 'remove' }), { removed: true });
  assert.deepEqual(actor.rows(), []);
  assert.equal(actor.query({ kind: 'facts' }).exists, false);
  assert.deepEqual(actor.ask({ kind: 'remove' }), { removed: false });
  assert.throws(() => actor.ask({ kind: 'setEnabled', enabled: true }), refusal('noSuchAccount'));
});

void test('a copy of what it sends is kept once somebody wants it', () => {
  const actor = bench();
  actor.ask({ kind: 'setSavesSent', savesSent: true });
  const { savesSent, address, enabled } = actor.query({ kind: 'facts' });
  assert.deepEqual([savesSent, address, enabled], [true, 'ann@example.org', true]);
  const nobody = new ActorBench(account, { key: 'nobody' });
  assert.throws(() => nobody.ask({ kind: 'setSavesSent', savesSent: true }), refusal('noSuchAccount'));
  assert.equal(nobody.query({ kind: 'facts' }).savesSent, false);
});
