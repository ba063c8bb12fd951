import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localDomain } from '../../../actors/local-domain/local-domain.ts';
import type { DkimAlgorithm, NewDkimKey } from '../../../actors/local-domain/protocol.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;

function bench() {
  const domain = new ActorBench(localDomain, { key: 'example.org' });
  domain.ask({ kind: 'create', policy: {} });
  return domain;
}
type Bench = ReturnType<typeof bench>;

const key = (selector: string, algorithm: DkimAlgorithm = 'rsa-sha256'): NewDkimKey => ({
  selector,
  algorithm,
  privateKeyPem: `-----BEGIN PRIVATE KEY-----\n${selector}\n-----END PRIVATE KEY-----\n`,
  publicKeyBase64: 'A'.repeat(44),
});
const add = (domain: Bench, state: 'active' | 'published', ...keys: NewDkimKey[]) =>
  domain.ask({ kind: 'addKeys', keys, state });
const become = (domain: Bench, selector: string, state: 'active' | 'published' | 'retired') =>
  domain.ask({ kind: 'setKeyState', selector, state });
const states = (domain: Bench) =>
  domain.query({ kind: 'keys' }).keys.map(({ selector, state }) => `${selector} ${state}`);
const signing = (domain: Bench) => domain.query({ kind: 'signingKeys' }).keys.map(({ selector }) => selector);

void test('a domain that is not there has no keys and takes none', () => {
  const domain = new ActorBench(localDomain, { key: 'example.org' });
  assert.deepEqual(signing(domain), []);
  assert.deepEqual(states(domain), []);
  assert.throws(() => add(domain, 'active', key('a')), refusal('noSuchDomain'));
});

void test('keys are added once, and those that sign are told with their private halves only to who signs', () => {
  const domain = bench();
  assert.deepEqual(add(domain, 'active', key('a'), key('b', 'ed25519-sha256')), { added: ['a', 'b'], retired: [] });
  const other = { ...key('a'), publicKeyBase64: 'B'.repeat(44) };
  assert.deepEqual(add(domain, 'active', other), { added: [], retired: [] });
  const { keys } = domain.query({ kind: 'signingKeys' });
  const { selector, algorithm, privateKeyPem } = key('a');
  assert.deepEqual(keys[0], { selector, algorithm, privateKeyPem });
  assert.equal(keys.length, 2);
  assert.deepEqual(domain.query({ kind: 'keys' }).keys[0], {
    selector: 'a',
    algorithm: 'rsa-sha256',
    publicKeyBase64: 'A'.repeat(44),
    state: 'active',
    createdMs: domain.nowMs,
    sinceMs: domain.nowMs,
  });
});

void test('a rotation: the new key waits, then signs in place of the old one, which is retired and may go', () => {
  const domain = bench();
  add(domain, 'active', key('old'), key('ed', 'ed25519-sha256'));
  domain.nowMs += 1000;
  add(domain, 'published', key('new'));
  assert.deepEqual(signing(domain), ['ed', 'old']);
  assert.deepEqual(states(domain), ['new published', 'ed active', 'old active']);
  assert.throws(() => domain.ask({ kind: 'removeKey', selector: 'old' }), refusal('keyActive'));

  domain.nowMs += 1000;
  assert.deepEqual(become(domain, 'new', 'active'), { changed: true, retired: ['old'] });
  assert.deepEqual(signing(domain), ['ed', 'new']);
  assert.deepEqual(become(domain, 'new', 'active'), { changed: false, retired: [] });
  const old = domain.query({ kind: 'keys' }).keys.find(({ selector }) => selector === 'old');
  assert.deepEqual([old?.state, old?.sinceMs], ['retired', domain.nowMs]);

  assert.deepEqual(domain.ask({ kind: 'removeKey', selector: 'old' }), { removed: true });
  assert.deepEqual(domain.ask({ kind: 'removeKey', selector: 'old' }), { removed: false });
  assert.deepEqual(states(domain), ['new active', 'ed active']);
});

void test('a retired key can sign again, and no key need sign', () => {
  const domain = bench();
  add(domain, 'active', key('a'));
  become(domain, 'a', 'retired');
  assert.deepEqual(signing(domain), []);
  become(domain, 'a', 'active');
  assert.deepEqual(signing(domain), ['a']);
  assert.throws(() => become(domain, 'b', 'active'), refusal('noSuchKey'));
});

void test('keys are checked, bounded, and go with their domain', () => {
  const domain = bench();
  for (const bad of [
    { ...key('a'), selector: 'A' },
    { ...key('a'), selector: 'a.b; p=' },
    { ...key('a'), selector: '' },
    { ...key('a'), publicKeyBase64: 'x"; p=' },
    { ...key('a'), privateKeyPem: 'secret' },
    { ...key('a'), privateKeyPem: `-----BEGIN PRIVATE KEY-----${'x'.repeat(9_000)}` },
  ]) {
    assert.throws(() => add(domain, 'active', bad), refusal('badKey'));
  }
  const many = Array.from({ length: 64 }, (_, i) => key(`k${i}`));
  add(domain, 'published', ...many);
  assert.throws(() => add(domain, 'published', key('more')), refusal('tooManyKeys'));
  assert.equal(add(domain, 'published', key('k0')).added.length, 0);
  domain.ask({ kind: 'remove' });
  assert.deepEqual(domain.rows(), []);
});
