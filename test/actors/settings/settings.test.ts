import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settings } from '../../../actors/settings/settings.ts';
import { parseSetting, settingsTable } from '../../../actors/settings/table.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { ActorBench } from '../../support/actor-bench.ts';

const refusal =
  (code: string, text = /./) =>
  (error: unknown) =>
    error instanceof OperationError && error.code === code && text.test(error.message);
const bench = () => new ActorBench(settings, { key: 'cluster' });

void test('every setting has a default that is canonical, and says what it does', () => {
  for (const [key, { byDefault, does, is, permission }] of Object.entries(settingsTable)) {
    assert.equal(parseSetting(key, byDefault).value, byDefault, key);
    assert.ok(does.endsWith('.') && is.what !== '' && permission !== '', key);
  }
});

void test('a setting is its default until it is set, and again when it is set back', () => {
  const actor = bench();
  const quota = () => actor.query({ kind: 'all' })['mailbox.quotaBytes'];
  assert.deepEqual(quota(), { value: '0', isDefault: true });
  const set = (value: string | null) => actor.ask({ kind: 'set', key: 'mailbox.quotaBytes', value });
  const key = 'mailbox.quotaBytes';
  assert.deepEqual(set(' 10GB '), { key, before: null, after: '10737418240', changed: true });
  assert.deepEqual(quota(), { value: '10737418240', isDefault: false });
  assert.deepEqual(set('10737418240'), { key, before: '10737418240', after: '10737418240', changed: false });
  assert.deepEqual(set(null), { key, before: '10737418240', after: null, changed: true });
  assert.deepEqual(quota(), { value: '0', isDefault: true });
  assert.equal(actor.query({ kind: 'history', limit: 10 }).length, 2);
});

void test('an unknown setting is refused with the nearest name, a bad value with what it may be', () => {
  const actor = bench();
  const set = (key: string, value: string | null) => () => actor.ask({ kind: 'set', key, value });
  assert.throws(set('mailbox.quotaByte', '1'), refusal('unknownSetting', /did you mean mailbox\.quotaBytes\?/));
  assert.throws(set('qqqq', null), refusal('unknownSetting'));
  assert.throws(set('toString', '1'), refusal('unknownSetting'));
  assert.throws(set('\x01\ud800', '1'), refusal('unknownSetting'));
  assert.throws(set('mailbox.quotaBytes', 'lots'), refusal('badSetting', /a size, such as 500MB/));
  for (const [key, value] of [
    ['smtp.recipientsMax', '99'],
    ['smtp.recipientsMax', '1001'],
    ['smtp.hopsMax', '1e3'],
    ['smtp.detailSeparator', 'ab'],
    ['relay', 'mx.example.net'],
    ['relay', 'mx.example.net:0'],
    ['relay', '2001:db8::1:25'],
    ['relay.tls', 'maybe'],
    ['queue.retry', ''],
    ['queue.retry', '5m soon'],
    ['queue.expire', '31d'],
    ['queue.inDoubt', 'forget'],
    ['routes.example.org', ''],
    ['domains.example.org.concurrency', '0'],
    ['domains.no domain.concurrency', '1'],
    ['routes.[192.0.2.1]', 'mx.example.net:25'],
  ] as const) {
    assert.throws(set(key, value), refusal('badSetting'), `${key} ${value}`);
  }
});

void test('history says who changed what, newest first, and keeps the last 1,000 changes', () => {
  const actor = bench();
  for (let i = 0; i < 1005; i++) actor.ask({ kind: 'set', key: 'smtp.hopsMax', value: String(50 + (i % 2)) });
  actor.principal = { kind: 'account', id: 'ann' };
  actor.ask({ kind: 'addDomain', domain: 'example.org' });
  assert.deepEqual(actor.query({ kind: 'history', limit: 2 }), [
    { key: 'domains', before: null, after: 'example.org', atMs: actor.nowMs, by: 'account:ann' },
    { key: 'smtp.hopsMax', before: '51', after: '50', atMs: actor.nowMs, by: 'operator:test' },
  ]);
  assert.equal(actor.rows('h').length, 1000);
});

void test('domains are a sorted set of A-labels', () => {
  const actor = bench();
  for (const domain of ['example.org', 'Bücher.example', 'EXAMPLE.org', 'a.example'])
    actor.ask({ kind: 'addDomain', domain });
  actor.ask({ kind: 'removeDomain', domain: 'a.EXAMPLE' });
  actor.ask({ kind: 'removeDomain', domain: 'never.example' });
  assert.deepEqual(actor.query({ kind: 'domains' }), ['example.org', 'xn--bcher-kva.example']);
  assert.equal(actor.query({ kind: 'history', limit: 10 }).length, 4);
  assert.throws(() => actor.ask({ kind: 'addDomain', domain: 'no domain' }), refusal('badAddress'));
});

void test('values have one spelling: durations in ms, servers with a port, domains in A-labels', () => {
  const actor = bench();
  for (const [key, value, stored, storedKey = key] of [
    ['queue.expire', '5d', '432000000'],
    ['queue.delayWarn', 'none', '0'],
    ['queue.retry', ' 5m, 1h  1500 ', '300000 3600000 1500'],
    ['queue.attemptTimeout', '1.5m', '90000'],
    ['queue.inDoubt', 'Hold', 'hold'],
    ['relay', 'MX.Example.NET:25', 'mx.example.net:25'],
    ['relay', '[2001:DB8::1]:587', '[2001:db8::1]:587'],
    ['relay', '127.0.0.1:2526', '127.0.0.1:2526'],
    ['relay', 'none', ''],
    ['relay.user', 'ann', 'ann'],
    ['routes.Bücher.example', 'localhost:2526', 'localhost:2526', 'routes.xn--bcher-kva.example'],
    ['domains.example.ORG.perMinute', '7', '7', 'domains.example.org.perMinute'],
  ] as const) {
    const answer = actor.ask({ kind: 'set', key, value });
    assert.deepEqual([answer.key, answer.after], [storedKey, stored], key);
    assert.equal(actor.query({ kind: 'all' })[storedKey]?.value, stored, key);
    assert.deepEqual(parseSetting(storedKey, stored), { key: storedKey, value: stored }, key);
  }
});

void test('a domain has a setting of its own only while it is set, and until then what holds for all', () => {
  const actor = bench();
  const key = 'domains.example.org.concurrency';
  const one = () => actor.query({ kind: 'one', key });
  assert.deepEqual(one(), { key, value: '20', isDefault: true });
  assert.ok(!(key in actor.query({ kind: 'all' })));
  actor.ask({ kind: 'set', key: 'queue.concurrency', value: '7' });
  assert.deepEqual(one(), { key, value: '7', isDefault: true });
  actor.ask({ kind: 'set', key, value: '3' });
  assert.deepEqual(one(), { key, value: '3', isDefault: false });
  assert.deepEqual(actor.query({ kind: 'all' })[key], { value: '3', isDefault: false });
  actor.ask({ kind: 'set', key, value: null });
  assert.ok(!(key in actor.query({ kind: 'all' })));
  assert.ok(actor.query({ kind: 'patterns' }).some(({ name }) => name === 'domains.<domain>.concurrency'));
});

void test('a slip in the name of a setting of a domain is found too', () => {
  const actor = bench();
  const set = (key: string) => () => actor.ask({ kind: 'set', key, value: '1' });
  assert.throws(
    set('domain.example.org.concurency'),
    refusal('unknownSetting', /domains\.example\.org\.concurrency\?/),
  );
  assert.throws(set('route.example.org'), refusal('unknownSetting', /did you mean routes\.example\.org\?/));
  assert.throws(set('domains.example.org'), refusal('unknownSetting', /did you mean domains\.<domain>\./));
  assert.throws(set('queue.retries'), refusal('unknownSetting', /did you mean queue\.retry\?/));
});

void test('a secret is shown to nobody but a node that asks for it, neither by the history nor by a refusal', () => {
  const actor = bench();
  const key = 'relay.password';
  const set = (value: string) => actor.ask({ kind: 'set', key, value });
  const all = (withSecrets: boolean) => actor.query({ kind: 'all', withSecrets })[key]?.value;
  assert.deepEqual([all(false), actor.query({ kind: 'one', key }).value], ['', '']);
  assert.deepEqual(set(' s3cret '), { key, before: null, after: 'set', changed: true });
  assert.deepEqual(set('other'), { key, before: 'set', after: 'set', changed: true });
  assert.deepEqual([all(false), all(true), actor.query({ kind: 'one', key }).value], ['set', 'set', 'set']);
  assert.throws(
    () => set('s3cret\n'),
    (error: Error) => !error.message.includes('s3cret'),
  );
  actor.principal = { kind: 'account', id: 'ann' };
  assert.equal(all(true), 'set');
  actor.principal = { kind: 'node', id: 'settings' };
  assert.deepEqual([all(false), all(true)], ['set', 'other']);
  const history = JSON.stringify(actor.query({ kind: 'history', limit: 10 }));
  assert.ok(!/s3cret|other/.test(history), history);
});

void test('what a node was started with is set once, and never over what somebody set', () => {
  const actor = bench();
  const seed = (...settings: { key: string; value: string }[]) => actor.ask({ kind: 'seed', settings });
  const relay = { key: 'relay', value: '127.0.0.1:2526' };
  const hops = { key: 'smtp.hopsMax', value: '50' };
  assert.throws(() => seed(relay, { key: 'smtp.hopsMax', value: 'x' }), refusal('badSetting'));
  assert.equal(actor.query({ kind: 'one', key: 'relay' }).isDefault, true);
  assert.deepEqual(seed(relay), { seeded: ['relay'], kept: [] });
  assert.deepEqual(seed(relay, hops), { seeded: ['smtp.hopsMax'], kept: [] });
  actor.ask({ kind: 'set', key: 'relay', value: 'mx.example.net:25' });
  actor.ask({ kind: 'set', key: 'smtp.hopsMax', value: null });
  assert.deepEqual(seed(relay, hops), {
    seeded: [],
    kept: [
      { key: 'relay', value: 'mx.example.net:25' },
      { key: 'smtp.hopsMax', value: null },
    ],
  });
});
