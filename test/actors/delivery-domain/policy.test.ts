/** What settings say about a domain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailsPerConnectionOf, policyOf, routeOf } from '../../../actors/delivery-domain/policy.ts';

const settings = (texts: Record<string, string>) =>
  Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, { value, isDefault: false }]));

void test('without settings the defaults hold, and what is malformed counts as missing', () => {
  const byDefault = policyOf('there.example', {});
  assert.deepEqual([byDefault.concurrency, byDefault.perMinute, byDefault.inDoubt], [20, 0, 'retry']);
  assert.deepEqual(byDefault.retryMs.slice(0, 2), [60_000, 300_000]);
  assert.equal(byDefault.expireMs, 5 * 86_400_000);
  const broken = settings({
    'queue.retry': '1 x',
    'queue.concurrency': '0',
    'queue.expire': '-1',
    'queue.inDoubt': 'maybe',
  });
  assert.deepEqual(policyOf('there.example', broken), byDefault);
  assert.equal(mailsPerConnectionOf({}), 100);
});

void test("a domain's own setting is before the one for all", () => {
  const own = settings({
    'queue.concurrency': '5',
    'queue.retry': '1000 2000',
    'queue.delayWarn': '0',
    'domains.there.example.concurrency': '2',
    'domains.there.example.perMinute': '60',
    'domains.there.example.inDoubt': 'hold',
  });
  const policy = policyOf('there.example', own);
  assert.deepEqual([policy.concurrency, policy.perMinute, policy.inDoubt], [2, 60, 'hold']);
  assert.deepEqual([policy.retryMs, policy.delayWarnMs], [[1000, 2000], 0]);
  assert.equal(policyOf('other.example', own).concurrency, 5);
});

void test('a route, else the relay with its log-in, else none', () => {
  assert.equal(routeOf('there.example', settings({ relay: '' })), null);
  const relay = settings({
    relay: 'relay.example:587',
    'relay.user': 'me',
    'relay.password': 'x',
    'relay.tls': 'required',
  });
  const auth = { user: 'me', password: 'x' };
  assert.deepEqual(routeOf('there.example', relay), { host: 'relay.example', port: 587, auth, tls: 'required' });
  const route = { ...relay, ...settings({ 'routes.there.example': '[2001:db8::1]:2525' }) };
  assert.deepEqual(routeOf('there.example', route), {
    host: '2001:db8::1',
    port: 2525,
    auth: null,
    tls: 'opportunistic',
  });
});

void test('a place that cannot be read counts as none', () => {
  for (const wrong of ['', 'mx.example', 'a:b', 'a:0', 'a:65536', 'a b:25', ':25']) {
    assert.equal(routeOf('there.example', settings({ relay: wrong })), null, wrong);
  }
});
