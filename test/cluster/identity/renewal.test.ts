import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { isIssuedBy, keyHashOf } from '../../../cluster/identity/certificates.ts';
import { foundCluster } from '../../../cluster/identity/founding.ts';
import { readIdentity } from '../../../cluster/identity/identity-files.ts';
import { isRenewalDue, renewIfDue } from '../../../cluster/identity/renewal.ts';
import { foundingOf, identityWorld, n1 } from './identity-world.ts';

const dayMs = 24 * 3_600_000;

void test('a certificate is renewed in the last third of its life, for the same key, and committed', async (t) => {
  const of = await identityWorld(t);
  const { identity } = await foundCluster(foundingOf(of));
  const renew = () => renewIfDue({ ...of, identity, node: n1, dataDirectory: of.founderDirectory });
  of.clock.jump(549 * dayMs);
  assert.equal(isRenewalDue(identity.certificate, of.clock.nowMs()), false);
  assert.equal(await renew(), null);
  of.clock.jump(2 * dayMs);
  const renewed = await renew();
  assert.ok(renewed);
  const certificate = new X509Certificate(renewed.certificate);
  assert.equal(keyHashOf(certificate), keyHashOf(new X509Certificate(identity.certificate)));
  assert.ok(isIssuedBy(certificate, new X509Certificate(identity.caCertificate)));
  assert.equal(isRenewalDue(renewed.certificate, of.clock.nowMs()), false);
  assert.deepEqual(await readIdentity(of.founderDirectory), renewed);
  assert.equal((await of.map())?.nodes[0]?.certificate, renewed.certificate);
});

void test('cut off before its file is written, the old one stays good and the next look renews again', async (t) => {
  const of = await identityWorld(t);
  const { identity } = await foundCluster(foundingOf(of));
  of.clock.jump(700 * dayMs);
  const renew = () => renewIfDue({ ...of, identity, node: n1, dataDirectory: of.founderDirectory });
  const blocker = joinPath(of.founderDirectory, 'mesh-certificate.pem.new');
  mkdirSync(blocker);
  await assert.rejects(renew(), { code: 'identityUnusable' });
  assert.deepEqual(await readIdentity(of.founderDirectory), identity);
  rmSync(blocker, { recursive: true });
  const renewed = await renew();
  assert.equal((await of.map())?.nodes[0]?.certificate, renewed?.certificate);
});
