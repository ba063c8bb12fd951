/** Self-signed certificates for tests. */
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { X509CertificateGenerator } from '@peculiar/x509';

/** Writes `<path>.crt` and `<path>.key` (PEM) and returns the two paths. */
export async function writeCertificate(path: string, hostname: string): Promise<readonly [string, string]> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${hostname}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: new Date(0),
    notAfter: new Date(4e12),
  });
  writeFileSync(`${path}.crt`, certificate.toString('pem'));
  writeFileSync(`${path}.key`, KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }));
  return [`${path}.crt`, `${path}.key`];
}
