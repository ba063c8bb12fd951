/** The certificate of the edge: checked before it is used, so that a bad new one never replaces a good old one. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { CertificatePem } from '../../../runtime/threads/control-channel.ts';
import { type OperationError, refused } from '../../../runtime/base/errors.ts';

const badCertificate = (what: string, cause?: unknown): OperationError =>
  refused('badCertificate', `${what}${cause instanceof Error ? `: ${cause.message}` : ''}`);

export const noCertificate = (): OperationError =>
  refused('noCertificate', 'a listener with implicit TLS needs a certificate');

/**
 * `certificate` may hold the chain, own certificate first.
 * @throws {OperationError} `badCertificate` when a part cannot be read or the two do not belong together
 */
export function checkCertificate({ key, certificate: pem }: CertificatePem): void {
  let certificate: X509Certificate;
  let privateKey: ReturnType<typeof createPrivateKey>;
  try {
    certificate = new X509Certificate(pem);
  } catch (error) {
    throw badCertificate('the certificate is no PEM', error);
  }
  try {
    privateKey = createPrivateKey(key);
  } catch (error) {
    throw badCertificate('the private key is no PEM, or has a passphrase', error);
  }
  if (!certificate.checkPrivateKey(privateKey)) throw badCertificate('the private key is not that of the certificate');
}

/** As `node:tls` names them. */
export function tlsOptionsOf({ key, certificate }: CertificatePem): { readonly key: string; readonly cert: string } {
  return { key, cert: certificate };
}
