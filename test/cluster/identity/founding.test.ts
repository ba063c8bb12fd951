import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { test } from 'node:test';
import { keyHashOf, newNodeKey, nodeOfCertificate, publicKeyOf } from '../../../cluster/identity/certificates.ts';
import { foundCluster, openIdentity, prepareFounding, settleFounding } from '../../../cluster/identity/founding.ts';
import { readIdentity, readPendingCa, writeMembers, writePendingCa } from '../../../cluster/identity/identity-files.ts';
import { openMarks } from '../../../cluster/identity/marks.ts';
import type { theCluster } from '../../../cluster/metadata/protocol.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';
import { foundingOf, identityWorld, n1 } from './identity-world.ts';

const caKeyFile = 'cluster-ca-key.pem';

void test('founding makes the CA, its own certificate and the map, and leaves no key of the CA in a file', async (t) => {
  const of = await identityWorld(t);
  const { identity, map } = await foundCluster(foundingOf(of));
  assert.deepEqual(await readIdentity(of.founderDirectory), identity);
  assert.equal(identity.role, 'founder');
  assert.equal(nodeOfCertificate(identity.certificate), n1);
  assert.equal(map.caCertificate, identity.caCertificate);
  assert.equal(map.nodes[0]?.keyHash, keyHashOf(publicKeyOf(identity.key)));
  assert.deepEqual(await of.map(), map);
  assert.ok(!existsSync(joinPath(of.founderDirectory, caKeyFile)));
  assert.equal(await readPendingCa(of.founderDirectory), null);
});

void test('files that were prepared before the first start are those that are committed', async (t) => {
  const of = await identityWorld(t);
  const prepared = await prepareFounding(foundingOf(of));
  assert.deepEqual(await prepareFounding(foundingOf(of)), prepared);
  assert.notEqual(await readPendingCa(of.founderDirectory), null);
  const { identity, map } = await foundCluster(foundingOf(of));
  assert.deepEqual(identity, prepared);
  assert.equal(map.caCertificate, prepared.caCertificate);
  assert.deepEqual(await prepareFounding(foundingOf(of)), prepared);
});

for (const name of ['mesh-key.pem', caKeyFile, 'cluster-ca.pem', 'mesh-certificate.pem', 'mesh.json']) {
  void test(`founding that is cut off before ${name} is written is repaired by the next`, async (t) => {
    const of = await identityWorld(t);
    const blocker = joinPath(of.founderDirectory, `${name}.new`);
    mkdirSync(blocker);
    await assert.rejects(foundCluster(foundingOf(of)), { code: 'identityUnusable' });
    assert.equal(await of.map(), null);
    assert.equal(await readIdentity(of.founderDirectory), null);
    rmSync(blocker, { recursive: true });
    const { identity, map } = await foundCluster(foundingOf(of));
    assert.equal(map.nodes[0]?.certificate, identity.certificate);
    assert.deepEqual(await readIdentity(of.founderDirectory), identity);
  });
}

void test('cut off before it was committed, the next founds with the same CA', async (t) => {
  const of = await identityWorld(t);
  const commands = { ask: () => Promise.reject(new Error('the node died')) };
  await assert.rejects(foundCluster({ ...foundingOf(of), commands: commands as never }), /died/);
  const prepared = await readIdentity(of.founderDirectory);
  assert.notEqual(prepared, null);
  const { identity } = await foundCluster(foundingOf(of));
  assert.deepEqual(identity, prepared);
});

void test('cut off right after it was committed, the next changes nothing but removes the file of the key', async (t) => {
  const of = await identityWorld(t);
  const dies = {
    ask: async (ref: typeof theCluster, command: never) => {
      await of.commands.ask(ref, command);
      throw new Error('the node died');
    },
  };
  await assert.rejects(foundCluster({ ...foundingOf(of), commands: dies as never }), /died/);
  const map = await of.map();
  assert.notEqual(map, null);
  assert.notEqual(await readPendingCa(of.founderDirectory), null);
  const before = await readIdentity(of.founderDirectory);
  assert.ok(before);
  // Others came in meanwhile: where they are is not forgotten.
  const nodes = [...before.nodes, { id: nodeId('n2'), address: 'n2.example.org:2580' }];
  await writeMembers(of.founderDirectory, { ...before, nodes });
  const again = await foundCluster(foundingOf(of));
  assert.deepEqual(again.map, map);
  assert.equal(await readPendingCa(of.founderDirectory), null);
  assert.deepEqual(await readIdentity(of.founderDirectory), { ...before, nodes });
});

void test('a start that finds the map there ends what a crash cut off, and changes nothing where all is well', async (t) => {
  const of = await identityWorld(t);
  const path = of.founderDirectory;
  const { identity, map } = await foundCluster(foundingOf(of));
  assert.equal(await settleFounding(path, identity, map, n1), identity);
  await writePendingCa(path, { certificate: 'made by a start that lost its way', key: 'secret' });
  const wrong = { ...identity, caCertificate: 'made by a start that lost its way' };
  assert.deepEqual(await settleFounding(path, wrong, map, n1), identity);
  assert.equal(await readPendingCa(path), null);
  assert.deepEqual(await readIdentity(path), identity);
  const other = { ...identity, key: newNodeKey().key };
  await assert.rejects(settleFounding(path, other, map, n1), { code: 'identityDamaged', message: /mesh-key\.pem/ });
});

void test('a node that was started before and has lost all files of who it is founds nothing', async (t) => {
  const of = await identityWorld(t);
  const place = foundingOf(of);
  const store = new MemoryStore();
  const identity = await openIdentity(place, store);
  assert.equal(identity.role, 'founder');
  await openMarks(store, systemRandom);
  assert.deepEqual(await openIdentity(place, store), identity);
  const files = readdirSync(of.founderDirectory).filter((name) => /pem$|^mesh/.test(name));
  assert.equal(files.length, 5);
  for (const name of files) rmSync(joinPath(of.founderDirectory, name));
  await assert.rejects(openIdentity(place, store), { code: 'identityDamaged', message: /backup/ });
  assert.deepEqual(
    readdirSync(of.founderDirectory).filter((name) => name.endsWith('pem')),
    [],
  );
});

void test('files of a CA that was never committed give way to those that the cluster knows', async (t) => {
  const of = await identityWorld(t);
  const { identity } = await foundCluster(foundingOf(of));
  for (const name of ['cluster-ca.pem', 'mesh-certificate.pem', 'mesh.json'])
    rmSync(joinPath(of.founderDirectory, name));
  const again = await foundCluster(foundingOf(of));
  assert.equal(again.identity.caCertificate, identity.caCertificate);
  assert.equal(again.identity.certificate, identity.certificate);
  assert.deepEqual(await readIdentity(of.founderDirectory), identity);
});

void test('half a CA is made anew', async (t) => {
  const of = await identityWorld(t);
  const prepared = await prepareFounding(foundingOf(of));
  writeFileSync(joinPath(of.founderDirectory, caKeyFile), 'torn');
  const { identity, map } = await foundCluster(foundingOf(of));
  assert.notEqual(identity.caCertificate, prepared.caCertificate);
  assert.equal(map.caCertificate, identity.caCertificate);
});

void test('a node that joined founds nothing, and no second node founds over the first', async (t) => {
  const of = await identityWorld(t);
  const { identity } = await foundCluster(foundingOf(of));
  await writeMembers(of.founderDirectory, { ...identity, role: 'joined' });
  await assert.rejects(foundCluster(foundingOf(of)), { code: 'notFounder' });
  const other = { ...foundingOf(of), dataDirectory: of.place('n2'), node: nodeId('n2') };
  await assert.rejects(foundCluster(other), { code: 'clusterFounded', message: /ringpost join/ });
});
