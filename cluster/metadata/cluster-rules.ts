/**
 * Who may come into the cluster, and who may start: the decisions, without any state of their own.
 *
 * Promises: each returns what is wrong, or null; the order of the questions lets a stranger without a token learn nothing
 * of the nodes.
 * Leaves to others: reading and writing the rows (`cluster-actor.ts`).
 */
import type { OperationError } from '../../runtime/base/errors.ts';
import { contradicts } from '../identity/marks.ts';
import {
  badRecord,
  diskOlder,
  keyTaken,
  nodeIdTaken,
  nodeRemoved,
  nodeUnknown,
  tokenExpired,
  tokenUnknown,
  tokenUsed,
  tooManyNodes,
} from './codes.ts';
import { isNodeName } from './node-names.ts';
import type { ClusterCommand, Mark, NodeRecord } from './protocol.ts';

/** A node needs a link to each other one; beyond this the mesh wants another shape. */
export const nodesMax = 64;
/** Removed ones included: their names stay taken. */
export const recordsMax = 1_000;
export const tokensMax = 100;
export const tokenLifeMs = 3_600_000;
const tokenLifeMsMax = 30 * 24 * 3_600_000;
/** Marks that travel with a hello or a start. */
export const marksSentMax = 256;
const replicasMax = 5;
const shardCountMax = 65_536;
const certificateCharactersMax = 8_192;

export interface TokenRow {
  readonly expiresMs: number;
  /** Null until somebody comes in with it. */
  readonly usedBy: { readonly node: string; readonly keyHash: string } | null;
}

export interface Joiner {
  readonly node: string;
  readonly keyHash: string;
}

export type NewNode = (ClusterCommand & { readonly kind: 'admit' })['node'];
type Start = ClusterCommand & { readonly kind: 'started' };
type Found = ClusterCommand & { readonly kind: 'found' };

/** SHA-256, base64url. */
export const isHash = (text: unknown): text is string => typeof text === 'string' && /^[\w-]{43}$/.test(text);

export function judgeToken(token: TokenRow | undefined, joiner: Joiner, nowMs: number): OperationError | null {
  if (token === undefined) return tokenUnknown();
  if (token.expiresMs <= nowMs) return tokenExpired(token.expiresMs);
  const { usedBy } = token;
  if (usedBy === null || (usedBy.keyHash === joiner.keyHash && usedBy.node === joiner.node)) return null;
  return tokenUsed(usedBy.node);
}

/** Whether the joiner may have that name, or have it again. */
export function judgeJoiner(records: readonly NodeRecord[], { node, keyHash }: Joiner): OperationError | null {
  const known = records.find(({ id }) => id === node);
  if (known?.state === 'removed') return nodeRemoved(node);
  // Whoever has started once has a disk that it has to come back with.
  if (known !== undefined) return known.keyHash === keyHash && known.started === null ? null : nodeIdTaken(node);
  const sameKey = records.find((record) => record.keyHash === keyHash);
  if (sameKey !== undefined) return keyTaken(sameKey.id);
  const living = records.filter(({ state }) => state !== 'removed').length;
  if (living >= nodesMax) return tooManyNodes(nodesMax);
  return records.length >= recordsMax ? tooManyNodes(recordsMax) : null;
}

export function judgeStart(known: NodeRecord | undefined, start: Start): OperationError | null {
  const { node, mark, marksBefore, incarnation } = start;
  if (known === undefined) return nodeUnknown(node);
  if (known.state === 'removed') return nodeRemoved(node);
  const before = known.started;
  if (before === null) return null;
  const isOlder = incarnation < before.incarnation || contradicts(before.mark, [mark, ...marksBefore]);
  return isOlder ? diskOlder(node, before.mark.number, mark.number) : null;
}

/** When a new token ends, or what is wrong with that. */
export function tokenEnd(expiresMs: number | null, nowMs: number): number | OperationError {
  if (expiresMs === null) return nowMs + tokenLifeMs;
  if (!Number.isSafeInteger(expiresMs)) return badRecord('expiresMs of a token is a time in ms since 1970, or null');
  if (expiresMs <= nowMs) return tokenExpired(expiresMs);
  if (expiresMs <= nowMs + tokenLifeMsMax) return expiresMs;
  return badRecord('a token is good for 30 days at most; give it a shorter life with --expires');
}

/** @returns what does not fit, from a node that may be broken */
export function unfitNode(node: NewNode): OperationError | null {
  if (!isNodeName(node.id)) {
    return badRecord(`${quoted(node.id)} is no name of a node: up to 32 of a-z, 0-9 and -, with no - in front`);
  }
  if (!isHash(node.keyHash)) return badRecord('keyHash is no SHA-256 in base64url');
  return unfitPlace(node) ?? unfitCertificate(node.certificate);
}

export function unfitStart(start: Start): OperationError | null {
  const { incarnation, mark, marksBefore, version } = start;
  if (!isCount(incarnation)) return badRecord('incarnation is not 1, 2, 3 …');
  if (!isText(version, 64)) return badRecord('version is no text of at most 64 characters');
  if (!Array.isArray(marksBefore) || marksBefore.length > marksSentMax || ![mark, ...marksBefore].every(isMark)) {
    return badRecord(`marks are pairs of a number and a nonce, at most ${marksSentMax}`);
  }
  return unfitPlace(start);
}

export function unfitFounding({
  clusterId,
  shardCount,
  replicas,
  caCertificate,
  caKey,
  node,
}: Found): OperationError | null {
  if (!isText(clusterId, 64) || clusterId === '') return badRecord('clusterId is no text of 1 to 64 characters');
  if (!isCount(shardCount) || shardCount > shardCountMax) return badRecord(`shardCount is not 1 to ${shardCountMax}`);
  if (!isCount(replicas) || replicas > replicasMax) return badRecord(`replicas is not 1 to ${replicasMax}`);
  return unfitCertificate(caCertificate) ?? unfitCertificate(caKey) ?? unfitNode(node);
}

export function unfitCertificate(pem: unknown): OperationError | null {
  if (isText(pem, certificateCharactersMax) && pem !== '') return null;
  return badRecord(`a certificate or key is PEM of at most ${certificateCharactersMax} characters`);
}

function unfitPlace(of: {
  readonly address: string;
  readonly zone: string;
  readonly host: string;
}): OperationError | null {
  if (!isText(of.address, 300)) return badRecord('address is no text of at most 300 characters; see mesh.advertise');
  if (!isText(of.zone, 255)) return badRecord('zone is no text of at most 255 characters; see node.zone');
  return isText(of.host, 255) ? null : badRecord('host is no text of at most 255 characters; see node.host');
}

const isText = (value: unknown, charactersMax: number): value is string =>
  typeof value === 'string' && value.length <= charactersMax;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;

export const isMark = (value: unknown): value is Mark =>
  typeof value === 'object' &&
  value !== null &&
  isCount((value as Partial<Mark>).number) &&
  isText((value as Partial<Mark>).nonce, 64);

const quoted = (text: unknown): string => JSON.stringify(text)?.slice(0, 80) ?? 'nothing';
