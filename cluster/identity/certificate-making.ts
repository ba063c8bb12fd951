/**
 * Makes the CA of a cluster and the certificates of its nodes: the cluster's only importer of @peculiar/x509.
 *
 * Leaves to others: reading them and checking keys (`certificates.ts`).
 */
import 'reflect-metadata';
import { createPrivateKey, type KeyObject, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { NodeId } from '../../runtime/base/ids.ts';

const caYears = 20;
const dayMs = 24 * 3_600_000;
const yearMs = 365.25 * dayMs;
/** Clocks of nodes may be behind that of the one which signs. */
const backdatedMs = dayMs;

/** ECDSA P-256: cheap in handshakes, and every TLS 1.3 has it. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM, both. */
export interface CaPem {
  readonly certificate: string;
  readonly key: string;
}

export interface IssueOptions {
  /** PEM of the CA's certificate and key. */
  readonly ca: string;
  readonly caKey: string;
  readonly node: NodeId;
  readonly publicKeyPem: string;
  readonly nowMs: number;
  /** Default 825. */
  readonly days?: number;
}

/** Chance is the library's: nothing that a simulator would have to repeat depends on a serial number. */
export async function makeCa(clusterId: string, nowMs: number): Promise<CaPem> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ CN: ['Ringpost CA'] }, { O: [clusterId] }],
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + caYears * yearMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      // Signs nodes, and nothing that could sign again.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: `${certificate.toString('pem')}\n`,
    key: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
  };
}

interface MakeOptions extends Omit<IssueOptions, 'publicKeyPem'> {
  readonly publicKey: KeyObject;
  readonly days: number;
}

export async function makeNodeCertificate(options: MakeOptions): Promise<string> {
  const { node, nowMs, days } = options;
  const { subtle } = webcrypto;
  const ca = new X509Certificate(options.ca);
  const caKey = createPrivateKey(options.caKey).export({ type: 'pkcs8', format: 'der' });
  const spki = options.publicKey.export({ type: 'spki', format: 'der' });
  const publicKey = await subtle.importKey('spki', spki, algorithm, true, ['verify']);
  const certificate = await X509CertificateGenerator.create({
    subject: [{ CN: [node] }],
    issuer: ca.subjectName,
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(nowMs + days * dayMs),
    publicKey,
    signingKey: await subtle.importKey('pkcs8', caKey, algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: node }]),
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(ca.publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}
