/** Where addresses lead, over the addresses of the wire tests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../actors/mail/address.ts';
import { foreignAddress } from '../../../actors/routing/own-address.ts';
import { remoteAddress, type Route, routeLimits, Router } from '../../../actors/routing/router.ts';
import { testCore } from '../../support/smtp-edge-world.ts';
import type { FakeCore } from '../../support/smtp-fake-core.ts';

const options = { principal: { kind: 'anonymous', id: 'test' } } as const;

function world(): { core: FakeCore; router: Router } {
  const core = testCore();
  return { core, router: new Router(core, routeLimits, options, null) };
}

/** `m-ann m-bob | friend@remote.example`, or why not. */
function told(route: Route): string {
  if (route.kind !== 'taken') return route.kind === 'refused' ? route.why : route.kind;
  return [...route.mailboxIds, '|', ...route.remote.map(({ address }) => address)].join(' ').trim();
}

const routed = async (address: string): Promise<string> => told(await world().router.route(parseAddress(address)));

void test('route: a mailbox, a stranger, a domain that is not ours', async () => {
  assert.equal(await routed('Ann@example.org'), 'm-ann |');
  assert.equal(await routed('nobody@example.org'), 'unknownUser');
  assert.equal(await routed('friend@remote.example'), 'elsewhere');
});

void test('route: an alias leads here and elsewhere at once', async () => {
  assert.equal(await routed('outside@example.org'), 'm-ann | friend@remote.example');
});

void test('route: a forward keeps a copy where it says so, and follows addresses of ours', async () => {
  assert.equal(await routed('sent-on@example.org'), 'm-ann | friend@remote.example');
  assert.equal(await routed('sent-away@example.org'), 'm-ann | Friend@remote.example');
});

void test('route: a forward to elsewhere alone keeps nothing', async () => {
  const { core, router } = world();
  core.address('gone@example.org', { type: 'forward', targets: ['me@new.place.example'], keepIn: null });
  assert.equal(told(await router.route(parseAddress('gone@example.org'))), '| me@new.place.example');
});

void test('route: forwards in a ring come to an end, with what they keep on the way', async () => {
  const { core, router } = world();
  core.address('east@example.org', { type: 'forward', targets: ['west@example.org'], keepIn: 'm-east' });
  core.address('west@example.org', { type: 'forward', targets: ['east@example.org'], keepIn: 'm-west' });
  assert.equal(told(await router.route(parseAddress('east@example.org'))), 'm-east m-west |');
});

void test('route: an address elsewhere is named once, its domain in A-labels', async () => {
  const { core, router } = world();
  core.alias('twice@example.org', 'Jo@BÜCHER.example', 'Jo@xn--bcher-kva.example', 'jo@bücher.example');
  const jo = ['Jo@xn--bcher-kva.example', 'jo@xn--bcher-kva.example'];
  assert.equal(told(await router.route(parseAddress('twice@example.org'))), `| ${jo.join(' ')}`);
});

void test('route: the local part for another server stays as it was given', () => {
  const text = '"a@b \\"c\\""@Remote.Example';
  assert.equal(remoteAddress(text, parseAddress(text)).address, '"a@b \\"c\\""@remote.example');
});

void test('route: a catch-all and a postmaster elsewhere are sent on to', async () => {
  const { core, router } = world();
  core.domain('moved.example', { catchAll: 'me@remote.example', postmaster: 'ops@isp.example' });
  assert.equal(told(await router.route(parseAddress('any@moved.example'))), '| me@remote.example');
  assert.equal(told(await router.route(parseAddress('postmaster@moved.example'))), '| ops@isp.example');
});

void test('route: what is too long or too wide is refused', async () => {
  const { core } = world();
  const router = new Router(core, { aliasDepthMax: 2, aliasMailboxesMax: 2 }, options, null);
  core.alias('a@example.org', 'b@example.org').alias('b@example.org', 'c@example.org');
  core.alias('c@example.org', 'ann@example.org');
  assert.equal(told(await router.route(parseAddress('a@example.org'))), 'aliasLoops');
  core.alias('wide@example.org', 'ann@example.org', 'bob@example.org', 'z@remote.example');
  assert.equal(told(await router.route(parseAddress('wide@example.org'))), 'aliasTooWide');
});

void test('own addresses: all that lead to the mailbox, full or not, and no others', async () => {
  const { core, router } = world();
  core.address('ann3@example.org', 'm-ann', true);
  const own = async (text: string): Promise<boolean> => (await foreignAddress(router, 'm-ann', [text])) === null;
  for (const text of [
    'ann@example.org',
    'ANN+x@example.org',
    'all@example.org',
    'outside@example.org',
    'sent-on@example.org',
    'ann3@example.org',
  ])
    assert.equal(await own(text), true, text);
  for (const text of ['bob@example.org', 'ann@remote.example', 'nobody@example.org', 'ann', '', 'ann@[127.0.0.1]'])
    assert.equal(await own(text), false, text);
});

void test('own addresses: of a domain with a catch-all each that nobody has is his, and no other', async () => {
  const { core, router } = world();
  core.address('sales@catch.example', 'm-bob').alias('info@catch.example', 'bob@example.org');
  const own = async (text: string): Promise<boolean> => (await foreignAddress(router, 'm-ann', [text])) === null;
  for (const text of ['shop-4711@catch.example', 'shop+4711@catch.example', 'postmaster@catch.example'])
    assert.equal(await own(text), true, text);
  for (const text of ['sales@catch.example', 'sales+x@catch.example', 'info@catch.example'])
    assert.equal(await own(text), false, text);
});

void test('own addresses: the first foreign one is named, and a list of very many is never all own', async () => {
  const { core, router } = world();
  const named = (...texts: string[]): Promise<string | null> => foreignAddress(router, 'm-ann', texts);
  assert.equal(await named('ann@example.org', 'bob@example.org', 'eve@example.org'), 'bob@example.org');
  assert.equal(await named(...Array.from({ length: 1_000 }, () => 'ann@example.org')), null);
  const many = Array.from({ length: 1_000 }, (_, i) => `ann+${i}@example.org`);
  core.calls.length = 0;
  assert.equal(await named(...many), 'ann+20@example.org');
  assert.ok(core.calls.length <= 60);
});
