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
    assert.equal(parseSetting(key, byDefault), byDefault, key);
    assert.ok(does.endsWith('.') && is.what !== '' && permission !== '', key);
  }
});

void test('a setting is its default until it is set, and again when it is set back', () => {
  const actor = bench();
  const quota = () => actor.query({ kind: 'all' })['mailbox.quotaBytes'];
  assert.deepEqual(quota(), { value: '0', isDefault: true });
  const set = (value: string | null) => actor.ask({ kind: 'set', key: 'mailbox.quotaBytes', value });
  assert.deepEqual(set(' 10GB '), { before: null, after: '10737418240' });
  assert.deepEqual(quota(), { value: '10737418240', isDefault: false });
  assert.deepEqual(set('10737418240'), { before: '10737418240', after: '10737418240' });
  assert.deepEqual(set(null), { before: '10737418240', after: null });
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
