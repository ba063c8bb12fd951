/**
 * A node renews its own certificate, long before it ends: for the same key, signed by the cluster's CA, and committed.
 *
 * Promises: a node that runs now and then during the last third of a certificate's life never needs an operator; cut off
 * anywhere, the old one stays good.
 * Leaves to others: when to look (the façade, now and then), using the new one (`../mesh/`), another CA (later).
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { theCluster } from '../metadata/protocol.ts';
import type { OwnCommands } from '../own-commands.ts';
import { issueNodeCertificate, keyHashOf, publicKeyOf } from './certificates.ts';
import { type Identity, writeCertificate } from './identity-files.ts';

export interface RenewalOptions {
  readonly identity: Identity;
  readonly node: NodeId;
  readonly dataDirectory: string;
  /** As that node. */
  readonly commands: Pick<OwnCommands, 'ask' | 'query'>;
  readonly clock: Clock;
}

/** Less than a third of its life is left. */
export function isRenewalDue(certificate: string, nowMs: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const endMs = validToDate.getTime();
  return endMs - nowMs < (endMs - validFromDate.getTime()) / 3;
}

/**
 * Null: it is not due.
 * @throws {OperationError} `nodeUnknown`, `nodeRemoved`, or what is transient: try again later, there is time
 */
export async function renewIfDue(options: RenewalOptions): Promise<Identity | null> {
  const { identity, node, dataDirectory, commands, clock } = options;
  const nowMs = clock.nowMs();
  if (!isRenewalDue(identity.certificate, nowMs)) return null;
  const ca = await commands.query(theCluster, { kind: 'ca' });
  const publicKeyPem = publicKeyOf(identity.key);
  const certificate = await issueNodeCertificate({ ca: ca.certificate, caKey: ca.key, node, publicKeyPem, nowMs });
  const keyHash = keyHashOf(publicKeyPem);
  // Committed first: who comes for this name and key is given what the cluster knows.
  await commands.ask(theCluster, { kind: 'renew', node, keyHash, certificate });
  await writeCertificate(dataDirectory, certificate);
  return { ...identity, certificate };
}
