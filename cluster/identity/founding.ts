/**
 * The first node makes the cluster: its CA, its own certificate, and the first map.
 *
 *     key -> CA's key and certificate, in files -> own certificate -> mesh.json -> command `found` -> CA's key file goes
 *
 * Promises: cut off anywhere it is repaired when it is called again, with the same CA: tokens that were made meanwhile pin it.
 * The CA's key lies in a file (0600) only until the cluster has committed it.
 * Leaves to others: when (`../node-cluster.ts`: the metadata shard is served here and its map is null).
 */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Store } from '../../runtime/store/store.ts';
import { type ClusterMap, theCluster } from '../metadata/protocol.ts';
import type { OwnCommands } from '../own-commands.ts';
import type { CaPem } from './certificate-making.ts';
import { isIssuedBy, issueNodeCertificate, keyHashOf, newCa, nodeOfCertificate, publicKeyOf } from './certificates.ts';
import { identityLost, keyReplaced, notFounder } from './codes.ts';
import {
  type Identity,
  readIdentity,
  readOrMakeKey,
  readPendingCa,
  removePendingCa,
  writeIdentity,
  writePendingCa,
} from './identity-files.ts';
import { hasMarks } from './marks.ts';

export interface FoundingPlace {
  readonly dataDirectory: string;
  /** From the directory's header. */
  readonly clusterId: string;
  readonly node: NodeId;
  /** Of its mesh, for `mesh.json`; '' when it is not known yet. */
  readonly address: string;
  readonly clock: Clock;
}

export interface FoundingOptions extends FoundingPlace {
  readonly commands: Pick<OwnCommands, 'ask'>;
  readonly shardCount: number;
  readonly replicas: number;
  readonly zone: string;
  readonly host: string;
}

export interface Founding {
  readonly identity: Identity;
  readonly map: ClusterMap;
}

/**
 * Who this node is, at its start: one that has no identity yet and was never started is on its way to found a cluster.
 * @throws {OperationError} `identityDamaged` also when all files are gone: a node that had joined would found a cluster of
 *   its own on the shards that it does not hold, and take mail into it
 */
export async function openIdentity(place: FoundingPlace, store: Pick<Store, 'has'>): Promise<Identity> {
  const there = await readIdentity(place.dataDirectory);
  if (there !== null) return there;
  if (hasMarks(store)) throw identityLost(place.dataDirectory);
  return prepareFounding(place);
}

/**
 * The files alone, without a running cluster: so that a token can be made before the first start. Repeated it changes
 * nothing; of a directory that is founded already, or has joined, it says what is there.
 * @throws {OperationError} `identityDamaged`, `identityUnusable`
 */
export async function prepareFounding(place: FoundingPlace): Promise<Identity> {
  const { dataDirectory, clusterId, node, address } = place;
  const there = await readIdentity(dataDirectory);
  const pending = await readPendingCa(dataDirectory);
  if (there !== null && pending === null) return there;
  const key = await readOrMakeKey(dataDirectory);
  const ca = wholeCa(pending) ?? (await freshCa(place));
  const certificate =
    there !== null && isCertificateOf(there, node, key, ca) ? there.certificate : await ownCertificate(place, key, ca);
  // Others may have come in since, when only the last step of all is missing.
  const nodes = there?.nodes ?? [{ id: node, address }];
  const identity = {
    clusterId,
    generation: 1,
    role: 'founder' as const,
    nodes,
    certificate,
    caCertificate: ca.certificate,
  };
  await writeIdentity(dataDirectory, identity);
  return { ...identity, key };
}

/**
 * To be called while nothing is committed, or a founding is pending.
 * @throws {OperationError} also `notFounder`, and `clusterFounded` when another node founded the cluster
 */
export async function foundCluster(options: FoundingOptions): Promise<Founding> {
  const { dataDirectory, node, clusterId, address, zone, host, shardCount, replicas, commands } = options;
  const there = await readIdentity(dataDirectory);
  if (there?.role === 'joined') throw notFounder(node);
  // The CA's key is neither in a file nor committed: what it signed is worth nothing any more.
  if (there !== null && (await readPendingCa(dataDirectory)) === null) await freshCa(options);
  const identity = await prepareFounding(options);
  const ca = wholeCa(await readPendingCa(dataDirectory));
  invariant(ca, 'the key of a new CA is in its file until it is committed');
  const { certificate, caCertificate } = identity;
  const record = { id: node, address, zone, host, keyHash: keyHashOf(publicKeyOf(identity.key)), certificate };
  const command = {
    kind: 'found',
    clusterId,
    shardCount,
    replicas,
    caCertificate,
    caKey: ca.key,
    node: record,
  } as const;
  const map = await commands.ask(theCluster, command);
  return { identity: await settleFounding(dataDirectory, identity, map, node), map };
}

/**
 * To be called with the first map of a start, too: a crash may have come between the commit and the end of founding. Of
 * files that differ from what is committed, those that the cluster knows are kept. Changes nothing where all is well.
 * @throws {OperationError} `identityDamaged`: the key is not the one that the cluster knows this node by
 */
export async function settleFounding(
  dataDirectory: string,
  identity: Identity,
  map: ClusterMap,
  node: NodeId,
): Promise<Identity> {
  const own = map.nodes.find(({ id }) => id === node);
  if (own !== undefined && own.keyHash !== keyHashOf(publicKeyOf(identity.key))) throw keyReplaced(dataDirectory);
  const kept = await keepCommitted(dataDirectory, identity, map, own?.certificate ?? identity.certificate);
  if ((await readPendingCa(dataDirectory)) !== null) await removePendingCa(dataDirectory);
  return kept;
}

async function keepCommitted(
  dataDirectory: string,
  identity: Identity,
  map: ClusterMap,
  certificate: string,
): Promise<Identity> {
  if (certificate === identity.certificate && map.caCertificate === identity.caCertificate) return identity;
  const committed = { ...identity, certificate, caCertificate: map.caCertificate };
  await writeIdentity(dataDirectory, committed);
  return committed;
}

type PendingCa = Awaited<ReturnType<typeof readPendingCa>>;

/** The one that was begun; null: a crash left half of it, or none. */
function wholeCa(pending: PendingCa): CaPem | null {
  if (pending?.certificate === undefined || !belongTogether(pending.certificate, pending.key)) return null;
  return { certificate: pending.certificate, key: pending.key };
}

/** Nobody has seen the one before: what is pinned by a token has its certificate on disk. */
async function freshCa({ dataDirectory, clusterId, clock }: FoundingPlace): Promise<CaPem> {
  const ca = await newCa(clusterId, clock.nowMs());
  await writePendingCa(dataDirectory, ca);
  return ca;
}

function belongTogether(certificate: string, key: string): boolean {
  try {
    return keyHashOf(new X509Certificate(certificate)) === keyHashOf(publicKeyOf(key));
  } catch {
    // One of them is no PEM, which no crash leaves: they are made anew.
    return false;
  }
}

function isCertificateOf(there: Identity, node: NodeId, key: string, ca: CaPem): boolean {
  const certificate = new X509Certificate(there.certificate);
  return (
    nodeOfCertificate(certificate) === node &&
    keyHashOf(certificate) === keyHashOf(publicKeyOf(key)) &&
    isIssuedBy(certificate, new X509Certificate(ca.certificate))
  );
}

function ownCertificate({ node, clock }: FoundingPlace, key: string, ca: CaPem): Promise<string> {
  const publicKeyPem = publicKeyOf(key);
  return issueNodeCertificate({ ca: ca.certificate, caKey: ca.key, node, publicKeyPem, nowMs: clock.nowMs() });
}
