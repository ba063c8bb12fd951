import assert from 'node:assert/strict';
import 'reflect-metadata';
import { createHash, createPublicKey, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  X509Certificate as X509CertificateOfLibrary,
  X509CertificateGenerator,
} from '@peculiar/x509';
import {
  caHash,
  isIssuedBy,
  issueNodeCertificate,
  keyHashOf,
  newCa,
  newNodeKey,
  nodeOfCertificate,
  publicKeyOf,
} from '../../../cluster/identity/certificates.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { makeSelfSigned } from '../../../runtime/lifecycle/self-signed.ts';
import { systemRandom } from '../../../runtime/base/random.ts';

const dayMs = 24 * 3_600_000;
const nowMs = Date.UTC(2026, 10, 28, 12);
const node = nodeId('n2');

async function issued(days?: number) {
  const ca = await newCa('the-cluster', nowMs);
  const { key, publicKey } = newNodeKey();
  const length = days === undefined ? {} : { days };
  const pem = await issueNodeCertificate({
    ...{ ca: ca.certificate, caKey: ca.key, node, publicKeyPem: publicKey, nowMs },
    ...length,
  });
  return { ca, key, publicKey, pem };
}

void test('a certificate is for one node and one key, by the CA of its cluster and no other', async () => {
  const { ca, key, publicKey, pem } = await issued();
  const certificate = new X509Certificate(pem);
  assert.equal(nodeOfCertificate(pem), node);
  assert.equal(nodeOfCertificate(certificate), node);
  assert.equal(keyHashOf(certificate), keyHashOf(publicKey));
  assert.equal(publicKeyOf(key), publicKey);
  assert.ok(isIssuedBy(certificate, new X509Certificate(ca.certificate)));
  // Of the same name, with another key.
  const other = await newCa('the-cluster', nowMs);
  assert.ok(!isIssuedBy(certificate, new X509Certificate(other.certificate)));
  assert.ok(!isIssuedBy(certificate, certificate));
});

void test('it begins a day early, since clocks differ, and lasts 825 days; the CA lasts 20 years', async () => {
  const { ca, pem } = await issued();
  const { validFromDate, validToDate, keyUsage, ca: isCa } = new X509Certificate(pem);
  assert.equal(validFromDate.getTime(), nowMs - dayMs);
  assert.equal(validToDate.getTime(), nowMs + 825 * dayMs);
  assert.deepEqual(keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  assert.equal(isCa, false);
  const authority = new X509Certificate(ca.certificate);
  assert.equal(authority.ca, true);
  assert.equal(authority.validToDate.getUTCFullYear(), 2046);
  const short = new X509Certificate((await issued(1)).pem);
  assert.equal(short.validToDate.getTime(), nowMs + dayMs);
});

void test('hashes are SHA-256 over DER, so that PEM with other line ends has the same', async () => {
  const { ca, publicKey } = await issued();
  const der = new X509Certificate(ca.certificate).raw;
  assert.equal(caHash(ca.certificate), createHash('sha256').update(der).digest('base64url'));
  assert.equal(caHash(ca.certificate.replaceAll('\n', '\r\n')), caHash(ca.certificate));
  assert.match(keyHashOf(publicKey), /^[\w-]{43}$/);
});

void test('neither a CA nor what is no certificate names a node', async () => {
  const { ca } = await issued();
  assert.throws(() => nodeOfCertificate(ca.certificate), { code: 'badNodeCertificate', message: /CA/ });
  assert.throws(() => nodeOfCertificate('nonsense'), { code: 'badNodeCertificate' });
  for (const name of ['mail.example.org', 'N2', '-n2', 'n2+CN=n3']) {
    const { certificate } = await makeSelfSigned(name, nowMs, systemRandom);
    assert.throws(() => nodeOfCertificate(certificate), { code: 'badNodeCertificate' }, name);
  }
});

void test('a CA that is called like a node is none, and a forged certificate that names the right CA is not by it', async () => {
  const { ca, publicKey } = await issued();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const common = { notBefore: new Date(0), notAfter: new Date(4e12), signingAlgorithm: algorithm };
  const named = await X509CertificateGenerator.createSelfSigned({
    ...common,
    ...{ name: 'CN=n2', keys, extensions: [new BasicConstraintsExtension(true, 0, true)] },
  });
  assert.throws(() => nodeOfCertificate(named.toString('pem')), { code: 'badNodeCertificate', message: /CA/ });
  const real = new X509CertificateOfLibrary(ca.certificate);
  const forged = await X509CertificateGenerator.create({
    ...common,
    ...{ subject: 'CN=n2', issuer: real.subjectName, signingKey: keys.privateKey },
    publicKey: await webcrypto.subtle.importKey('spki', derOf(publicKey), algorithm, true, ['verify']),
    extensions: [await AuthorityKeyIdentifierExtension.create(real.publicKey)],
  });
  const certificate = new X509Certificate(forged.toString('pem'));
  assert.ok(certificate.checkIssued(new X509Certificate(ca.certificate)), 'by its words it is');
  assert.ok(!isIssuedBy(certificate, new X509Certificate(ca.certificate)));
});

const derOf = (publicKeyPem: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' }));

void test('a private key that is sent by mistake, another kind of key and nonsense are no keys of a node', async () => {
  const { ca, key } = await issued();
  const certify = (publicKeyPem: string) =>
    issueNodeCertificate({ ca: ca.certificate, caKey: ca.key, node, publicKeyPem, nowMs });
  const torn = newNodeKey().publicKey.replace('MFkw', 'MFkx');
  for (const wrong of [key, ca.certificate, '', 'nonsense', torn]) {
    await assert.rejects(certify(wrong), { code: 'badNodeKey' });
  }
  const edwards = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' });
  await assert.rejects(certify(edwards as string), { code: 'badNodeKey' });
});
