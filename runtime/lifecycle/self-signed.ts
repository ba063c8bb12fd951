/**
 * A certificate of the node's own making, for mail clients: the runtime's only importer of @peculiar/x509 (and of
 * reflect-metadata, which it needs).
 *
 * Mail between servers is encrypted opportunistically (RFC 7435): a sender takes any certificate, so that a self-signed
 * one already keeps listeners on the line out.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Random } from '../base/random.ts';
import type { CertificatePem } from '../threads/control-channel.ts';

/** Nobody checks it, so nobody would be helped by one that ends on a night in two years. */
const validYears = 10;
/** Clocks of peers may be behind. */
const backdatedMs = 24 * 3_600_000;
const yearMs = 365.25 * 24 * 3_600_000;

/** ECDSA P-256: every mail server of the last ten years takes it, and a handshake costs far less than with RSA. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export async function makeSelfSigned(hostname: string, nowMs: number, random: Random): Promise<CertificatePem> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(random),
    // RFC 5280, appendix A.1: a common name ends at 64 characters; the whole name is in the extension.
    name: `CN=${hostname.slice(0, 64)}`,
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + validYears * yearMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: hostname }]),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
}

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes. */
function serialNumber(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}
