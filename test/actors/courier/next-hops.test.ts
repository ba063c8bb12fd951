/** Which server a mail goes to, by what the DNS and the settings say. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { dnsResolver } from '../../../actors/courier/resolver.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type CourierWorld, courierWorld, shortLimits } from '../../support/courier-world.ts';
import { startFakeDns } from '../../support/fake-dns.ts';
import { until } from '../../support/smtp-until.ts';
import type { RecipientResult } from '../../../actors/delivery-domain/protocol.ts';

async function sent(
  { core }: CourierWorld,
  domain = 'there.example',
  route: string | null = null,
): Promise<RecipientResult> {
  const job = core.mail(domain, { to: `bob@${domain}`, route });
  await until(() => core.resultOf(job) !== undefined);
  return core.resultOf(job)!;
}

const verdictOf = ({ outcome, enhanced }: RecipientResult): string => `${outcome} ${enhanced}`;

void test('the first MX is dead: the mail goes to the second', async (t) => {
  const world = await courierWorld(t);
  await world.remote('there.example', {}, { preference: 10 }).then((dead) => dead.stop());
  const second = await world.remote('there.example', {}, { preference: 20 });
  assert.equal((await sent(world)).outcome, 'delivered');
  assert.equal(second.mails.length, 1);
});

for (const script of [
  { CONNECT: '421 busy' },
  { CONNECT: 'DROP' },
  { EHLO: 'HANG' },
  { MAIL: 'DROP' },
  { RCPT: '421 closing' },
  { DATA: 'DROP' },
] as const) {
  void test(`${JSON.stringify(script)} of the first MX: the second takes over`, async (t) => {
    const world = await courierWorld(t);
    const first = await world.remote('there.example', script, { preference: 10 });
    const second = await world.remote('there.example', {}, { preference: 20 });
    assert.equal((await sent(world)).outcome, 'delivered');
    assert.deepEqual([first.mails.length, second.mails.length], [0, 1]);
  });
}

void test('a mail whose dot went out is not given to the second MX', async (t) => {
  const world = await courierWorld(t);
  await world.remote('there.example', { DOT: 'DROP' }, { preference: 10 });
  const second = await world.remote('there.example', {}, { preference: 20 });
  assert.equal((await sent(world)).outcome, 'inDoubt');
  assert.equal(second.connections, 0);
});

void test('451 is an answer: the second MX is not asked', async (t) => {
  const world = await courierWorld(t);
  await world.remote('there.example', { RCPT: '451 4.7.1 later' }, { preference: 10 });
  const second = await world.remote('there.example', {}, { preference: 20 });
  assert.equal((await sent(world)).outcome, 'deferred');
  assert.equal(second.connections, 0);
});

void test('no MX record: the address of the domain itself', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('other.example', {}, { ip: '127.0.1.9' });
  world.dns.zone.set('A there.example', ['127.0.1.9']);
  assert.equal((await sent(world)).outcome, 'delivered');
  assert.equal(server.mails.length, 1);
});

void test('an address literal', async (t) => {
  const world = await courierWorld(t);
  const server = await world.remote('other.example', {}, { ip: '127.0.1.9' });
  assert.equal((await sent(world, '[127.0.1.9]')).outcome, 'delivered');
  assert.equal(server.mails.length, 1);
});

const verdicts: readonly [string, Readonly<Record<string, readonly string[] | 'SERVFAIL' | 'silence'>>, string][] = [
  ['null MX', { 'MX there.example': ['0 .'] }, 'failed 5.1.10'],
  ['NXDOMAIN', {}, 'failed 5.1.2'],
  ['a domain with nothing for mail', { 'TXT there.example': ['x'] }, 'failed 5.4.4'],
  ['SERVFAIL', { 'MX there.example': 'SERVFAIL' }, 'deferred 4.4.3'],
  ['a DNS that is silent', { 'MX there.example': 'silence' }, 'deferred 4.4.3'],
  ['SERVFAIL for the address of an implicit MX', { 'A there.example': 'SERVFAIL' }, 'deferred 4.4.3'],
  ['an MX without an address', { 'MX there.example': ['10 mx.there.example'] }, 'deferred 4.4.4'],
  ['an MX that is this host', { 'MX there.example': ['10 HERE.example'] }, 'failed 5.4.6'],
];
for (const [what, zone, verdict] of verdicts) {
  void test(`${what}: ${verdict}`, async (t) => {
    const world = await courierWorld(t);
    for (const [key, answer] of Object.entries(zone)) world.dns.zone.set(key, answer);
    assert.equal(verdictOf(await sent(world)), verdict);
  });
}

void test('an MX with our address is cut, with all that are not preferred to it', async (t) => {
  const world = await loopWorld(t);
  const best = await world.remote('there.example', { CONNECT: 'DROP' }, { preference: 5 });
  world.dns.zone.set('MX there.example', [
    ...(world.dns.zone.get('MX there.example') as string[]),
    '10 us.there.example',
    '20 worse.there.example',
  ]);
  world.dns.zone.set('A us.there.example', ['127.0.0.1']);
  const worse = await world.remote('other.example', {}, { ip: '127.0.1.9' });
  world.dns.zone.set('A worse.there.example', ['127.0.1.9']);
  assert.equal((await sent(world)).outcome, 'deferred');
  assert.deepEqual([best.connections > 0, worse.connections], [true, 0]);
});

void test('an MX with our address alone: failed 5.4.6', async (t) => {
  const world = await loopWorld(t);
  world.dns.zone.set('MX there.example', ['10 us.there.example']);
  world.dns.zone.set('A us.there.example', ['127.0.0.1']);
  assert.equal(verdictOf(await sent(world)), 'failed 5.4.6');
  world.dns.zone.set('A implicit.example', ['127.0.0.1']);
  assert.equal(verdictOf(await sent(world, 'implicit.example')), 'failed 5.4.6');
});

/** The port of the world's servers is only known when it is there: listen on the address in any case. */
async function loopWorld(t: TestContext): Promise<CourierWorld> {
  const listening: { ip: string; port: number }[] = [];
  const world = await courierWorld(t, { listening });
  listening.push({ ip: '127.0.0.1', port: world.port });
  return world;
}

void test('a route of the domain, then the relay, then MX; a rerouted mail goes its own way', async (t) => {
  const world = await courierWorld(t);
  const [mx, route, relay, own] = await Promise.all([
    world.remote('there.example', {}, { ip: '127.0.2.1' }),
    world.remote('a.example', {}, { ip: '127.0.2.2' }),
    world.remote('b.example', {}, { ip: '127.0.2.3' }),
    world.remote('c.example', {}, { ip: '127.0.2.4' }),
  ]);
  await sent(world);
  world.core.set('relay', `127.0.2.3:${world.port}`);
  await sent(world);
  world.core.set('routes.there.example', `127.0.2.2:${world.port}`);
  await sent(world);
  await sent(world, 'there.example', `127.0.2.4:${world.port}`);
  assert.deepEqual(
    [mx, relay, route, own].map(({ mails }) => mails.length),
    [1, 1, 1, 1],
  );
});

void test('a relay with a name that only this machine knows', async (t) => {
  const world = await courierWorld(t);
  await world.remote('a.example', {}, { ip: '127.0.2.2' });
  world.dns.zone.set('A relay.example', ['127.0.2.2']);
  world.core.set('relay', `relay.example:${world.port}`);
  assert.equal((await sent(world)).outcome, 'delivered');
  world.core.set('relay', `localhost:${world.port}`);
  assert.equal((await sent(world)).outcome, 'delivered');
});

void test('answers are kept for their time, what does not exist for a minute, failures not at all', async (t) => {
  const dns = await startFakeDns();
  t.after(() => dns.stop());
  const clock = new FakeClock();
  const resolver = dnsResolver({ servers: [dns.address], clock, limits: { ...shortLimits, dnsNamesMax: 3 } });
  dns.zone.set('A there.example', ['192.0.2.1', '192.0.2.2']);
  const first = await resolver.addresses('there.example', 4);
  assert.deepEqual(first, { status: 'found', records: ['192.0.2.1', '192.0.2.2'], ttl: 60, authenticated: false });
  await Promise.all([resolver.addresses('there.example', 4), resolver.addresses('there.example', 4)]);
  assert.equal(dns.asked.length, 1);
  clock.advance(61_000);
  await resolver.addresses('there.example', 4);
  assert.equal(dns.asked.length, 2);
  assert.equal((await resolver.mx('gone.example')).status, 'noDomain');
  await resolver.mx('gone.example');
  assert.equal(dns.asked.length, 3);
  dns.zone.set('MX sick.example', 'SERVFAIL');
  assert.equal((await resolver.mx('sick.example')).status, 'failed');
  const asked = dns.asked.length;
  dns.zone.set('MX sick.example', ['10 mx.sick.example']);
  assert.equal((await resolver.mx('sick.example')).status, 'found');
  assert.ok(dns.asked.length > asked);
  // More names than it keeps: the oldest is asked for again.
  for (const name of ['a', 'b', 'c']) await resolver.mx(`${name}.example`);
  const before = dns.asked.length;
  await resolver.addresses('there.example', 4);
  assert.equal(dns.asked.length, before + 1);
});
