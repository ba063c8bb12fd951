import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { test } from 'node:test';
import { caHash, newNodeKey, nodeOfCertificate } from '../../../cluster/identity/certificates.ts';
import { readIdentity } from '../../../cluster/identity/identity-files.ts';
import { join } from '../../../cluster/identity/join-client.ts';
import { openJoinDoor } from '../../../cluster/identity/join-door.ts';
import { formatToken, newSecret, parseToken } from '../../../cluster/identity/token.ts';
import { formatAddress } from '../../../cluster/mesh/addresses.ts';
import { Door } from '../../../cluster/mesh/door.ts';
import { meshSettings } from '../../../cluster/mesh/settings.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { openDataDirectory } from '../../../runtime/store/data-directory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { clusterId, identityWorld, openDoor } from './identity-world.ts';

const n2 = nodeId('n2');

void test('join: an empty directory and a token become a node of the cluster that can start', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const joined = await join(door.options('n2', await door.token()));
  assert.deepEqual(joined, {
    clusterId,
    node: n2,
    members: [
      { id: 'n1', address: '127.0.0.1:2580' },
      { id: 'n2', address: 'n2.example.org:2580' },
    ],
  });
  const identity = await readIdentity(of.place('n2'));
  assert.equal(identity?.role, 'joined');
  assert.equal(identity?.caCertificate, door.identity.caCertificate);
  assert.equal(nodeOfCertificate(identity?.certificate ?? ''), 'n2');
  const record = (await of.map())?.nodes[1];
  assert.equal(record?.certificate, identity?.certificate);
  assert.equal(record?.zone, 'east');
  assert.equal(record?.started, null);
  const directory = openDataDirectory({ path: of.place('n2'), clock: of.clock, expect: { clusterId, nodeId: n2 } });
  assert.equal(directory.header.shardCount, 8);
  directory.close();
  assert.deepEqual(door.news, [{ node: 'n2', refusedWith: null }]);
});

void test('join goes through the door of the mesh as well, where its refusals arrive as they were said', async (t) => {
  const of = await identityWorld(t);
  const plain = await openDoor(t, of);
  const { certificate: certificatePem, key: keyPem, caCertificate: caPem } = plain.identity;
  const bugs: unknown[] = [];
  const mesh = new Door({
    listen: [{ host: '127.0.0.1', port: 0 }],
    settings: meshSettings,
    identity: () => ({ certificatePem, keyPem, caPem }),
    join: () => openJoinDoor({ commands: of.commands, clock: of.clock }),
    accepted: () => undefined,
    refused: () => undefined,
    bug: (what, error) => void bugs.push([what, error]),
  });
  const [place] = await mesh.open();
  t.after(() => mesh.close());
  const address = formatAddress(place!);
  await join({ ...plain.options('n2', await plain.token()), address });
  const used = plain.options('n3', formatToken({ caHash: caHash(caPem), secret: newSecret(systemRandom) }));
  await assert.rejects(join({ ...used, address }), { code: 'tokenUnknown' });
  assert.equal((await of.map())?.nodes.length, 2);
  assert.deepEqual(plain.requests, []);
  assert.deepEqual(bugs, []);
});

void test('a reply that was lost is repeated, with the same key and the same certificate', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of, { altered: (reply, number) => (number === 1 ? 'hang up' : reply) });
  const options = door.options('n2', await door.token());
  await assert.rejects(join(options), { code: 'memberUnreachable', transient: true });
  const admitted = (await of.map())?.nodes[1];
  assert.ok(admitted, 'it was admitted, and did not hear of it');
  await join(options);
  assert.equal((await readIdentity(of.place('n2')))?.certificate, admitted.certificate);
  assert.equal((await of.map())?.nodes.length, 2);
});

for (const name of ['mesh-key.pem', 'cluster-ca.pem', 'mesh-certificate.pem', 'mesh.json', 'ringpost-data.json']) {
  void test(`join that is cut off before ${name} is written can be repeated`, async (t) => {
    const of = await identityWorld(t);
    const door = await openDoor(t, of);
    const options = door.options('n2', await door.token());
    const blocker = joinPath(of.place('n2'), `${name}.new`);
    mkdirSync(blocker, { recursive: true });
    await assert.rejects(join(options));
    rmSync(blocker, { recursive: true });
    const joined = await join(options);
    assert.equal(joined.node, 'n2');
    assert.equal((await of.map())?.nodes.length, 2);
    const left = readdirSync(of.place('n2')).filter((each) => each.endsWith('.new'));
    assert.deepEqual(left, []);
    const identity = await readIdentity(of.place('n2'));
    assert.equal(identity?.certificate, (await of.map())?.nodes[1]?.certificate);
  });
}

void test('two nodes that join at once are both let in', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const tokens = [await door.token(), await door.token()];
  await Promise.all(tokens.map((token, at) => join(door.options(`n${at + 2}`, token))));
  const map = await of.map();
  assert.deepEqual(
    map?.nodes.map(({ id }) => id),
    ['n1', 'n2', 'n3'],
  );
  for (const id of ['n2', 'n3']) {
    const identity = await readIdentity(of.place(id));
    assert.equal(identity?.certificate, map?.nodes.find((node) => node.id === id)?.certificate);
  }
});

void test('of two requests of one node at once both get the same certificate', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const { secret } = parseToken(await door.token());
  const { publicKey: publicKeyPem } = newNodeKey();
  const request = { protocol: 1, secret, node: 'n2', publicKeyPem, address: '', zone: '', host: '', version: '1' };
  const answer = openJoinDoor({ commands: of.commands, clock: of.clock });
  const [first, second] = await Promise.all([answer(request), answer(request)]);
  assert.equal(first?.status, 200);
  assert.deepEqual(first?.body, second?.body);
});

void test('a clock that is half a day behind is no hindrance', async (t) => {
  const of = await identityWorld(t);
  const door = await openDoor(t, of);
  const clock = new FakeClock(of.clock.nowMs() - 12 * 3_600_000);
  const joined = await join({ ...door.options('n2', await door.token()), clock });
  assert.equal(joined.node, 'n2');
});
