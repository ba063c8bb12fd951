import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localDomain } from '../../../actors/local-domain/local-domain.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const refusal = (code: string) => (error: unknown) => error instanceof OperationError && error.code === code;
function bench(key = 'example.org') {
  const domain = new ActorBench(localDomain, { key });
  domain.ask({ kind: 'create', policy: {} });
  return domain;
}
const reserve = (domain: ReturnType<typeof bench>, address: string, type: 'account' | 'alias' = 'account') =>
  domain.ask({ kind: 'reserve', address, type });
const policy = (domain: ReturnType<typeof bench>) => domain.query({ kind: 'policy' }).policy;

void test('a domain that was never made does not exist, and takes nothing', () => {
  const domain = new ActorBench(localDomain, { key: 'example.org' });
  assert.equal(domain.query({ kind: 'policy' }).exists, false);
  assert.throws(() => reserve(domain, 'ann@example.org'), refusal('noSuchDomain'));
  assert.throws(() => domain.ask({ kind: 'setPolicy', policy: {} }), refusal('noSuchDomain'));
  assert.deepEqual(domain.ask({ kind: 'remove' }), { removed: false });
  assert.throws(
    () => new ActorBench(localDomain, { key: 'Example.org' }).ask({ kind: 'create', policy: {} }),
    refusal('badDomain'),
  );
});

void test('creation may be repeated and then changes nothing', () => {
  const domain = bench();
  domain.ask({ kind: 'setPolicy', policy: { tenant: 'blue', detailSeparator: null } });
  assert.deepEqual(domain.ask({ kind: 'create', policy: {} }), { created: false });
  assert.deepEqual(policy(domain), { catchAll: null, postmaster: null, detailSeparator: null, tenant: 'blue' });
});

void test('a reservation has ids that stay the same when it is repeated', () => {
  const domain = bench();
  const first = reserve(domain, 'Ann@example.org');
  assert.equal(first.isNew, true);
  assert.ok(first.entry.accountId && first.entry.mailboxId && first.entry.accountId !== first.entry.mailboxId);
  assert.deepEqual(reserve(domain, 'ann@example.org'), { entry: first.entry, isNew: false });
  assert.deepEqual(reserve(domain, 'info@example.org', 'alias').entry, {
    address: 'info@example.org',
    type: 'alias',
    accountId: null,
    mailboxId: null,
  });
  assert.throws(() => reserve(domain, 'ann@example.net'), refusal('wrongDomain'));
});

void test('the first account is postmaster; when it goes, the next one is', () => {
  const domain = bench();
  reserve(domain, 'alias@example.org', 'alias');
  assert.equal(policy(domain).postmaster, null);
  reserve(domain, 'zoe@example.org');
  reserve(domain, 'ann@example.org');
  assert.equal(policy(domain).postmaster, 'zoe@example.org');
  assert.deepEqual(domain.ask({ kind: 'forget', address: 'zoe@example.org' }), { forgotten: true });
  assert.equal(policy(domain).postmaster, 'ann@example.org');
  domain.ask({ kind: 'forget', address: 'ann@example.org' });
  assert.equal(policy(domain).postmaster, null);
  assert.deepEqual(domain.ask({ kind: 'forget', address: 'ann@example.org' }), { forgotten: false });
});

void test('a domain with addresses is not removed', () => {
  const domain = bench();
  reserve(domain, 'ann@example.org');
  assert.throws(() => domain.ask({ kind: 'remove' }), refusal('domainInUse'));
  domain.ask({ kind: 'forget', address: 'ann@example.org' });
  assert.deepEqual(domain.ask({ kind: 'remove' }), { removed: true });
  assert.deepEqual(domain.rows(), []);
});

void test('addresses are listed page by page', () => {
  const domain = bench();
  const all = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@example.org`);
  for (const address of all) reserve(domain, address);
  const first = domain.query({ kind: 'addresses', after: null, limit: 3 });
  assert.deepEqual([first.addresses.map(({ address }) => address), first.next], [all.slice(0, 3), 'c@example.org']);
  const second = domain.query({ kind: 'addresses', after: first.next, limit: 3 });
  assert.deepEqual([second.addresses.map(({ address }) => address), second.next], [all.slice(3), null]);
  for (const after of ['a\x01', '\ud800', 'x'.repeat(5000)]) {
    assert.throws(() => domain.query({ kind: 'addresses', after, limit: 3 }), refusal('badAddress'));
  }
});

void test('a policy is checked', () => {
  const domain = bench();
  const set = (change: object) => () => domain.ask({ kind: 'setPolicy', policy: change });
  for (const detailSeparator of ['', '++', 'a', '@']) assert.throws(set({ detailSeparator }), refusal('badPolicy'));
  assert.throws(set({ tenant: '' }), refusal('badPolicy'));
  assert.throws(set({ catchAll: 'nobody' }), refusal('badAddress'));
  assert.equal(domain.ask({ kind: 'setPolicy', policy: { catchAll: 'All@Example.net' } }).catchAll, 'all@example.net');
});
