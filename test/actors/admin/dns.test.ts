import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { checkRecords } from '../../../actors/admin/dns-check.ts';
import { dnsLookup } from '../../../actors/admin/dns-lookup.ts';
import { type DomainFacts, recordsToPublish, zoneLine } from '../../../actors/admin/dns-records.ts';
import type { DkimKeyFacts } from '../../../actors/local-domain/protocol.ts';
import { type FakeDns, startFakeDns } from '../../support/fake-dns.ts';
import { type AdminWorld, adminWorld } from './admin-world.ts';

const key = (selector: string, state: DkimKeyFacts['state']): DkimKeyFacts => ({
  selector,
  algorithm: 'rsa-sha256',
  publicKeyBase64: 'QUJD'.repeat(98),
  state,
  createdMs: 0,
  sinceMs: 0,
});
const facts: DomainFacts = {
  domain: 'example.org',
  hostname: 'mail.example.org',
  relay: '',
  keys: [key('new', 'published'), key('now', 'active'), key('old', 'retired')],
};
const record = (purpose: string, from: DomainFacts = facts) => {
  const found = recordsToPublish(from).find((one) => one.purpose === purpose);
  assert.ok(found);
  return found;
};

void describe('dns: the records', () => {
  void test('are lines of a zone file', () => {
    const lines = recordsToPublish(facts).map(zoneLine);
    const text = `v=DKIM1; k=rsa; p=${'QUJD'.repeat(98)}`;
    const strings = `"${text.slice(0, 255)}" "${text.slice(255)}"`;
    const dkim = (selector: string) => `${selector}._domainkey.example.org. IN TXT ${strings}`;
    assert.deepEqual(lines, [
      'mail.example.org. IN A <its IPv4 address>',
      'mail.example.org. IN AAAA <its IPv6 address>',
      'example.org. IN MX 10 mail.example.org.',
      'example.org. IN TXT "v=spf1 mx -all"',
      dkim('new'),
      dkim('now'),
      '_dmarc.example.org. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org"',
      '_submissions._tcp.example.org. IN SRV 0 1 465 mail.example.org.',
      '_submission._tcp.example.org. IN SRV 0 1 587 mail.example.org.',
      '_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.',
    ]);
  });

  void test('allow the relay, and leave the last word on it to its provider', () => {
    const spf = (relay: string) => record('spf', { ...facts, relay }).value;
    assert.equal(spf('smtp.example.net:587'), 'v=spf1 mx a:smtp.example.net ~all');
    assert.equal(spf('192.0.2.7:25'), 'v=spf1 mx ip4:192.0.2.7 ~all');
    assert.equal(spf('[2001:db8::1]:25'), 'v=spf1 mx ip6:2001:db8::1 ~all');
    assert.match(record('spf', { ...facts, relay: 'smtp.example.net:587' }).why, /its provider says/);
  });
});

void describe('dns: what is there', () => {
  const state = async (purpose: string, found: readonly string[], from = facts) => {
    const a = { ...record('host'), value: null };
    const lookUp = (type: string) => Promise.resolve(type === 'A' ? ['192.0.2.7'] : found);
    const checked = await checkRecords([a, record(purpose, from)], lookUp);
    return checked.at(-1)?.state;
  };

  void test('an MX is right when this server is among its hosts', async () => {
    assert.equal(await state('mx', []), 'missing');
    assert.equal(await state('mx', ['10 mx.example.net.']), 'differs');
    assert.equal(await state('mx', ['5 mx.example.net.', '20 MAIL.example.org.']), 'published');
  });

  void test('an SPF is right when it names this server, and is the only one', async () => {
    for (const text of ['v=spf1 mx -all', 'v=spf1 include:_spf.example.net +MX ~all', 'v=spf1 ip4:192.0.2.7 -all']) {
      assert.equal(await state('spf', ['other=1', text]), 'published', text);
    }
    for (const text of [
      'v=spf1 -all',
      'v=spf1 include:_spf.example.net -all',
      'v=spf1 ip4:192.0.2.77 -all',
      'v=spf1 -mx',
    ]) {
      assert.equal(await state('spf', [text]), 'differs', text);
    }
    assert.equal(await state('spf', ['v=spf1 mx -all', 'v=spf1 mx -all']), 'differs');
    assert.equal(await state('spf', ['v=spf10 mx', 'site-verification=1']), 'missing');
    const relayed = { ...facts, relay: 'smtp.example.net:587' };
    assert.equal(await state('spf', ['v=spf1 include:_spf.example.net -all'], relayed), 'published');
    assert.equal(await state('spf', ['v=spf1 -all'], relayed), 'differs');
  });

  void test('a DKIM record is right when it has this key, however it is written', async () => {
    const p = 'QUJD'.repeat(98);
    assert.equal(await state('dkim', [`k=rsa;p = ${p.slice(0, 9)} ${p.slice(9)}`]), 'published');
    assert.equal(await state('dkim', [`v=DKIM1; k=rsa; p=${p}x`]), 'differs');
    assert.equal(await state('dkim', ['v=DKIM1; p=']), 'differs');
    assert.equal(await state('dkim', [`v=DKIM1; p=${p}`, 'v=DKIM1; p=other']), 'differs');
  });

  void test('a DMARC record is right whatever its policy', async () => {
    assert.equal(await state('dmarc', ['v=DMARC1;p=reject;rua=mailto:x@example.net']), 'published');
    assert.equal(await state('dmarc', ['v=DMARC1; rua=mailto:x@example.net']), 'differs');
    assert.equal(await state('dmarc', ['v=DMARC1; p=none', 'v=DMARC1; p=none']), 'differs');
    assert.equal(await state('dmarc', ['hello']), 'missing');
  });

  void test('an SRV record is right when it names this host and port', async () => {
    assert.equal(await state('client', ['5 5 465 mail.example.org.']), 'published');
    assert.equal(await state('client', ['0 1 466 mail.example.org.']), 'differs');
  });
});

void describe('dns --check against a name server', () => {
  let dns: FakeDns;
  let world: AdminWorld;
  before(async () => {
    dns = await startFakeDns();
    world = await adminWorld({}, { dnsServers: [dns.address] });
    await world.json(['domain', 'add', 'x.example']);
  });
  after(async () => {
    await world.stop();
    await dns.stop();
  });
  const check = async () => {
    const said = await world.cli(['dns', 'x.example', '--check', '--json']);
    const { records, isComplete } = JSON.parse(said.text) as { records: any[]; isComplete: boolean };
    return { ...said, records, isComplete };
  };

  void test('an empty DNS: all is missing, each with its cure, and the status is 1', async () => {
    const { status, err, records, isComplete } = await check();
    assert.equal(status, 1);
    assert.equal(isComplete, false);
    assert.match(err, /dnsIncomplete/);
    assert.deepEqual([...new Set(records.map((one) => one.state))], ['missing']);
    for (const one of records) assert.match(one.cure, /^add: \S/);
    const said = await world.cli(['dns', 'x.example', '--check']);
    assert.match(said.text, /^missing {4}MX {4}x\.example\n {11}cure: add: x\.example\. IN MX 10 mail\.test\.$/m);
    assert.match(
      said.text,
      /^missing {4}AAAA  mail\.test +\(optional\)\n +cure: add: mail\.test\. IN AAAA <its IPv6 address>$/m,
    );
  });

  void test('a DNS with all that is needed: the status is 0, and what is optional only shows', async () => {
    const { records } = await world.json(['dns', 'x.example']);
    for (const { type, name, value, isNeeded } of records) {
      const key = `${type} ${name}`;
      if (!isNeeded) continue;
      dns.zone.set(key, [...((dns.zone.get(key) ?? []) as string[]), value ?? '192.0.2.7']);
    }
    const after = await check();
    assert.equal(after.status, 0, after.text);
    assert.deepEqual(
      after.records.filter((one) => one.state !== 'published').map((one) => `${one.type} ${one.state}`),
      ['AAAA missing', 'SRV missing', 'SRV missing', 'SRV missing'],
    );
    assert.equal(records.filter((one: any) => one.purpose === 'dkim').length, 2);
  });

  void test('a record that differs is shown beside the one that ought to be there', async () => {
    dns.zone.set('MX x.example', ['10 old.example']);
    const said = await world.cli(['dns', 'x.example', '--check']);
    assert.equal(said.status, 1);
    assert.match(
      said.text,
      /^differs {4}MX {4}x\.example +10 old\.example\.\n +cure: put in its place: x\.example\. IN MX 10 mail\.test\.$/m,
    );
    dns.zone.set('MX x.example', ['10 mail.test']);
  });

  void test('name servers that do not say: neither there nor missing, and the status is 1', async () => {
    dns.zone.set('TXT _dmarc.x.example', 'SERVFAIL');
    const { status, records } = await check();
    assert.equal(status, 1);
    const dmarc = records.find((one) => one.purpose === 'dmarc');
    assert.equal(dmarc.state, 'unknown');
    assert.match(dmarc.cure, /SERVFAIL.*dns\.servers/);
  });

  void test('a domain that is not ours, and name servers that are no addresses, are refused', async () => {
    assert.match((await world.cli(['dns', 'other.example', '--check'])).err, /\[noSuchDomain\]/);
    assert.throws(() => dnsLookup(['ns.example.net']), { code: 'badDnsServers' });
  });

  void test('without --check nothing is looked up, and the name of this machine is looked at', async () => {
    dns.asked.length = 0;
    const { text, status } = await world.cli(['dns', 'x.example']);
    assert.equal(status, 0);
    assert.match(text, /^x\.example\. IN TXT "v=spf1 mx -all"$/m);
    assert.match(text, /^; note: the reverse name \(PTR\)/m);
    assert.deepEqual(dns.asked, []);
  });
});
