/**
 * TLS between nodes: version 1.3 only, the cluster's authority only, own certificate both ways.
 *
 * The chain that is shown ends with the authority's own certificate: whoever joins knows only its hash, by the token.
 */
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

export interface MeshIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Of the cluster's authority. */
  readonly caPem: string;
}

export function serverTls({ certificatePem, keyPem, caPem }: MeshIdentity): SecureContextOptions {
  return { minVersion: 'TLSv1.3', ca: caPem, cert: `${certificatePem.trimEnd()}\n${caPem}`, key: keyPem };
}

export function clientContext(identity: MeshIdentity): SecureContext {
  return createSecureContext(serverTls(identity));
}
