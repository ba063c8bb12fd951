import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatHostPort, parseHostPort } from '../../../runtime/config/host-ports.ts';
import { type LoadedConfig, loadConfig } from '../../../runtime/config/load.ts';
import { isDefaultMeshListen, meshAddress } from '../../../runtime/config/mesh-address.ts';

const machine = { hostname: 'mail.example.org', cores: 4 };
const load = (...sets: string[]): LoadedConfig => loadConfig({ machine, sets });
const addressOf = (...sets: string[]): string | null => meshAddress(load(...sets).config, () => '192.0.2.7');

void test('a host with a port: names, both families of addresses, and nothing that only looks like one', () => {
  for (const text of ['n1.example.net:2580', '192.0.2.1:1', '[2001:db8::1]:65535', 'n_1:25']) {
    const found = parseHostPort(text);
    assert.ok(found, text);
    assert.equal(formatHostPort(found), text);
  }
  for (const text of [
    '',
    'n1',
    ':2580',
    'n1:0',
    'n1:65536',
    '300.1.1.1:25',
    '10.0:25',
    '2001:db8::1:25',
    '[n1]:25',
    'a b:25',
    'n1:25/',
  ]) {
    assert.equal(parseHostPort(text), null, text);
  }
});

void test('by default the mesh serves this machine alone, which nobody chose', () => {
  const loaded = load();
  assert.deepEqual(
    loaded.config.mesh.listen.map(({ host, port, tls }) => [host, port, tls]),
    [['127.0.0.1', 2580, 'implicit']],
  );
  assert.ok(isDefaultMeshListen(loaded));
  assert.ok(!isDefaultMeshListen(load('mesh.listen=127.0.0.1:2580')));
  assert.equal(loaded.config.node.host, 'mail.example.org');
  assert.equal(loaded.config.node.zone, '');
});

void test('others are told the address that is advertised, else where it listens, else that of this machine', () => {
  assert.equal(addressOf(), '127.0.0.1:2580');
  assert.equal(addressOf('mesh.listen=:2580'), '192.0.2.7:2580');
  assert.equal(addressOf('mesh.listen=0.0.0.0:2581'), '192.0.2.7:2581');
  assert.equal(addressOf('mesh.listen=127.0.0.1:1, 192.0.2.9:2'), '192.0.2.9:2');
  assert.equal(addressOf('mesh.listen=[2001:db8::1]:2580'), '[2001:db8::1]:2580');
  assert.equal(addressOf('mesh.listen=:2580', 'mesh.advertise=n1.example.net:443'), 'n1.example.net:443');
  assert.equal(addressOf('mesh.listen=off'), null);
  assert.match(meshAddress(load('mesh.listen=:2580').config) ?? '', /:2580$/);
});

void test('seeds and dials are lists, as text or as TOML has them', () => {
  const { mesh } = load('mesh.seeds=n1:2580, 192.0.2.2:2580', 'mesh.dial=n2=127.0.0.1:4001,n3=[::1]:4002').config;
  assert.deepEqual(mesh.seeds, ['n1:2580', '192.0.2.2:2580']);
  assert.deepEqual(mesh.dial, [
    { node: 'n2', address: '127.0.0.1:4001' },
    { node: 'n3', address: '[::1]:4002' },
  ]);
  assert.deepEqual(load().config.mesh.seeds, []);
});

void test('what does not fit is refused with what is allowed', () => {
  const refusedFor = (set: string, words: RegExp): void => {
    assert.throws(() => load(set), { code: 'badConfigValue', message: words }, set);
  };
  refusedFor('mesh.advertise=n1', /"n1" is no host with a port; it must be a host and a port such as/);
  refusedFor('mesh.seeds=n1', /"n1" is no host with a port/);
  refusedFor('mesh.dial=127.0.0.1:4001', /does not begin with the name of a node/);
  refusedFor('mesh.dial=N2=127.0.0.1:4001', /does not begin with the name of a node/);
  refusedFor('mesh.listen=n1:2580', /"n1" is no IP address/);
  refusedFor('mesh.listen=[{"address":":2580","tls":"none"}]', /tls "none" is not one of implicit/);
  refusedFor('mesh.listen=[{"address":":2580","proxyProtocol":true,"trusted":["10.0.0.1"]}]', /without a PROXY line/);
  refusedFor('node.zone=a/b', /it must be up to 64 letters/);
  refusedFor(`mesh.seeds=${'n1:1,'.repeat(65)}`, /65 are more than 64/);
});
