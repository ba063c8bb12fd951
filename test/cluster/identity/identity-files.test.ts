import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Identity,
  readIdentity,
  readOrMakeKey,
  readPendingCa,
  removePendingCa,
  writeIdentity,
  writeMembers,
  writePendingCa,
} from '../../../cluster/identity/identity-files.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { openDataDirectory } from '../../../runtime/store/data-directory.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { directoryOf } from '../../runtime/store/temporary-directory.ts';

const sample: Omit<Identity, 'key'> = {
  clusterId: 'the-cluster',
  generation: 1,
  role: 'joined',
  nodes: [{ id: nodeId('n1'), address: 'n1.example.org:2580' }],
  certificate: 'certificate\n',
  caCertificate: 'CA\n',
};

async function written(path: string): Promise<Identity> {
  const key = await readOrMakeKey(path);
  await writeIdentity(path, sample);
  return { ...sample, key };
}

function withHeader(path: string): void {
  const create = () => ({ clusterId: 'the-cluster', nodeId: nodeId('n2'), shardCount: 8 });
  openDataDirectory({ path, clock: new FakeClock(), create }).close();
}

void test('what was written is read; keys are for the owner alone, and nothing half-written stays', async (t) => {
  const path = join(directoryOf(t), 'a', 'b');
  assert.equal(await readIdentity(path), null);
  const identity = await written(path);
  assert.deepEqual(await readIdentity(path), identity);
  assert.equal(await readOrMakeKey(path), identity.key);
  assert.equal(statSync(join(path, 'mesh-key.pem')).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(path).sort(), ['cluster-ca.pem', 'mesh-certificate.pem', 'mesh-key.pem', 'mesh.json']);
});

void test('members are replaced as a whole, over what a crash left', async (t) => {
  const path = directoryOf(t);
  await written(path);
  writeFileSync(join(path, 'mesh.json.new'), '{"clust', { mode: 0o666 });
  const nodes = [...sample.nodes, { id: nodeId('n2'), address: '' }];
  await writeMembers(path, { ...sample, generation: 2, nodes });
  const read = await readIdentity(path);
  assert.deepEqual(read?.nodes, nodes);
  assert.equal(read?.generation, 2);
  assert.equal(statSync(join(path, 'mesh.json')).mode & 0o777, 0o600);
});

void test('writes of one file at once leave the last of them', async (t) => {
  const path = directoryOf(t);
  await written(path);
  const generations = Array.from({ length: 20 }, (_, at) => at + 1);
  await Promise.all(generations.map((generation) => writeMembers(path, { ...sample, generation })));
  assert.equal((await readIdentity(path))?.generation, 20);
  assert.ok(!readdirSync(path).includes('mesh.json.new'));
});

void test('an identity that a crash cut off is none yet; one that lost a file later is refused', async (t) => {
  const path = directoryOf(t);
  await written(path);
  const members = readFileSync(join(path, 'mesh.json'));
  rmSync(join(path, 'mesh.json'));
  assert.equal(await readIdentity(path), null);
  withHeader(path);
  await assert.rejects(readIdentity(path), { code: 'identityDamaged', message: /mesh\.json is missing/ });
  writeFileSync(join(path, 'mesh.json'), members);
  for (const name of ['mesh-key.pem', 'mesh-certificate.pem', 'cluster-ca.pem']) {
    const before = readFileSync(join(path, name));
    rmSync(join(path, name));
    await assert.rejects(readIdentity(path), { code: 'identityDamaged', message: new RegExp(name) });
    writeFileSync(join(path, name), before);
  }
  assert.notEqual(await readIdentity(path), null);
});

void test('while a founding is pending, a missing mesh.json is no damage', async (t) => {
  const path = directoryOf(t);
  withHeader(path);
  await written(path);
  rmSync(join(path, 'mesh.json'));
  await writePendingCa(path, { certificate: 'CA', key: 'secret' });
  assert.equal(await readIdentity(path), null);
  assert.deepEqual(await readPendingCa(path), { certificate: 'CA', key: 'secret' });
  assert.equal(statSync(join(path, 'cluster-ca-key.pem')).mode & 0o777, 0o600);
  await removePendingCa(path);
  assert.equal(await readPendingCa(path), null);
  await removePendingCa(path);
});

void test('a mesh.json or a key that is none is refused with the cure', async (t) => {
  const path = directoryOf(t);
  await written(path);
  for (const text of ['', '[]', '{"clusterId":"x"}', JSON.stringify({ ...sample, nodes: [{ id: 1 }] })]) {
    writeFileSync(join(path, 'mesh.json'), text);
    await assert.rejects(readIdentity(path), { code: 'identityDamaged', message: /backup/ });
  }
  writeFileSync(join(path, 'mesh-key.pem'), 'torn');
  await assert.rejects(readOrMakeKey(path), { code: 'identityDamaged', message: /mesh-key\.pem/ });
});

void test('a directory in the way is said to be in the way', async (t) => {
  const path = directoryOf(t);
  await readOrMakeKey(path);
  mkdirSync(join(path, 'mesh.json'));
  await assert.rejects(writeIdentity(path, sample), { code: 'identityUnusable', message: /mesh\.json/ });
  await assert.rejects(readIdentity(path), { code: 'identityUnusable' });
});
