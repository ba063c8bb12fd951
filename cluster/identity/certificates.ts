/**
 * Keys and certificates of nodes, and the CA that signs them: every cluster has its own, and trusts nothing else.
 *
 * Promises: whose a certificate is, and whose key, is read strictly. A certificate is good from a day before it was made
 * on, since clocks of nodes may differ.
 * Leaves to others: making the bytes of one (`certificate-making.ts`, loaded when it is first needed: some two hundred
 * modules that most starts have no use for), keeping them (`identity-files.ts`), checking them in a handshake (`../mesh/`).
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { isNodeName } from '../metadata/node-names.ts';
import type { CaPem, IssueOptions } from './certificate-making.ts';
import { badNodeCertificate, badNodeKey } from './codes.ts';

export async function newCa(clusterId: string, nowMs: number): Promise<CaPem> {
  const { makeCa } = await import('./certificate-making.ts');
  return makeCa(clusterId, nowMs);
}

/** @throws {OperationError} `badNodeKey` */
export async function issueNodeCertificate(options: IssueOptions): Promise<string> {
  const publicKey = nodePublicKey(options.publicKeyPem);
  const { makeNodeCertificate } = await import('./certificate-making.ts');
  return makeNodeCertificate({ ...options, publicKey, days: options.days ?? 825 });
}

/** ECDSA P-256, as PEM. */
export function newNodeKey(): { readonly key: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { key: privateKey, publicKey };
}

/** The public half, as PEM. @throws what node:crypto says of a text that is no private key */
export function publicKeyOf(keyPem: string): string {
  return createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'pem' }) as string;
}

/** SHA-256 of the public key (SPKI), base64url. Of a text: PEM of a public key or of a certificate. */
export function keyHashOf(of: string | KeyObject | X509Certificate): string {
  const key = of instanceof X509Certificate ? of.publicKey : typeof of === 'string' ? createPublicKey(of) : of;
  return hash('sha256', key.export({ type: 'spki', format: 'der' }), 'base64url');
}

/** What a token pins: SHA-256 of the certificate's DER, base64url. */
export function caHash(of: string | X509Certificate): string {
  return hash('sha256', (typeof of === 'string' ? parseCertificate(of) : of).raw, 'base64url');
}

/**
 * Whose certificate it is. Says nothing of who signed it.
 * @throws {OperationError} `badNodeCertificate`
 */
export function nodeOfCertificate(of: string | X509Certificate): NodeId {
  const certificate = typeof of === 'string' ? parseCertificate(of) : of;
  if (certificate.ca) throw badNodeCertificate('it is one of a CA');
  const names = certificate.subject.split('\n').filter((line) => line.startsWith('CN='));
  const [name = ''] = names.map((line) => line.slice('CN='.length));
  if (names.length === 1 && isNodeName(name)) return nodeId(name);
  throw badNodeCertificate(`its subject ${JSON.stringify(certificate.subject.slice(0, 100))} names no node`);
}

/** Whether the CA signed it. Says nothing of times. */
export function isIssuedBy(certificate: X509Certificate, ca: X509Certificate): boolean {
  return ca.ca && certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}

/** @throws {OperationError} `badNodeCertificate` */
export function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    // What OpenSSL says of it helps nobody: it is not PEM, or torn.
    throw badNodeCertificate(`it is not PEM (${cause instanceof Error ? cause.message.slice(0, 100) : 'unreadable'})`);
  }
}

/** The P-256 key in a PEM text. @throws {OperationError} `badNodeKey` also for a private key, which should never have been sent */
export function nodePublicKey(pem: string): KeyObject {
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw badNodeKey();
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    // A text of that form that is none: the peer is told what one is.
    throw badNodeKey();
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw badNodeKey();
  return key;
}
