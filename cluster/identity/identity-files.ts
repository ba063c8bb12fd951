/**
 * What a node's data directory says of who the node is: its key, its certificate, the CA's, and where others were last.
 *
 *     mesh-key.pem (0600) -> cluster-ca.pem -> mesh-certificate.pem -> mesh.json     written in this order
 *     cluster-ca-key.pem (0600)       the founder's only, until the cluster has committed it
 *
 * Promises: each file is replaced as a whole and is on disk when the call settles; `mesh.json` is last, so that with it all
 * are there; an identity that was cut in half by a crash is none, and one that lost a file later is refused.
 * Leaves to others: the header and the store (`runtime/store/data-directory.ts`), what the files mean.
 */
import { constants, existsSync } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { holdsNode, makeDirectory } from '../../runtime/store/data-directory.ts';
import { newNodeKey, publicKeyOf } from './certificates.ts';
import { identityDamaged, identityUnusable } from './codes.ts';

const keyName = 'mesh-key.pem';
const certificateName = 'mesh-certificate.pem';
const caName = 'cluster-ca.pem';
const caKeyName = 'cluster-ca-key.pem';
const membersName = 'mesh.json';
const secretMode = 0o600;
const publicMode = 0o644;
const nodesMax = 1_000;

export interface MemberAddress {
  readonly id: NodeId;
  /** `host:port` of its mesh. */
  readonly address: string;
}

/** `mesh.json`: only used to find others before the store knows a map. */
export interface Members {
  readonly clusterId: string;
  readonly generation: number;
  readonly role: 'founder' | 'joined';
  readonly nodes: readonly MemberAddress[];
}

export interface Identity extends Members {
  /** PEM, all three. */
  readonly key: string;
  readonly certificate: string;
  readonly caCertificate: string;
}

/**
 * Null: there is none yet, or making it was cut off.
 * @throws {OperationError} `identityDamaged`, `identityUnusable`
 */
export async function readIdentity(directory: string): Promise<Identity | null> {
  const path = (name: string): string => join(resolve(directory), name);
  const [members, key, certificate, caCertificate] = await Promise.all(
    [membersName, keyName, certificateName, caName].map((name) => readIfThere(path(name))),
  );
  if (members === undefined) {
    const isUnderWay = certificate === undefined || !holdsNode(directory) || existsSync(path(caKeyName));
    if (isUnderWay) return null;
    throw identityDamaged(path(membersName), 'is missing');
  }
  if (key === undefined) throw identityDamaged(path(keyName), 'is missing');
  if (certificate === undefined) throw identityDamaged(path(certificateName), 'is missing');
  if (caCertificate === undefined) throw identityDamaged(path(caName), 'is missing');
  return { ...parseMembers(path(membersName), members), key, certificate, caCertificate };
}

/** The key must be there already: a certificate without its key would be of no use. */
export async function writeIdentity(directory: string, identity: Omit<Identity, 'key'>): Promise<void> {
  const { certificate, caCertificate, ...members } = identity;
  await replaceFile(directory, caName, caCertificate, publicMode);
  await replaceFile(directory, certificateName, certificate, publicMode);
  await writeMembers(directory, members);
}

export async function writeMembers(directory: string, members: Members): Promise<void> {
  const { clusterId, generation, role, nodes } = members;
  const text = JSON.stringify(
    { clusterId, generation, role, nodes: nodes.map(({ id, address }) => ({ id, address })) },
    null,
    2,
  );
  await replaceFile(directory, membersName, `${text}\n`, secretMode);
}

/** A renewed one. */
export async function writeCertificate(directory: string, certificate: string): Promise<void> {
  await replaceFile(directory, certificateName, certificate, publicMode);
}

/** The node's own key, PEM; made when it is not there, with the directory. @throws {OperationError} `identityDamaged` */
export async function readOrMakeKey(directory: string): Promise<string> {
  const path = join(resolve(directory), keyName);
  const there = await readIfThere(path);
  if (there !== undefined) {
    try {
      publicKeyOf(there);
      return there;
    } catch {
      // The name of a node is bound to its key: another one in its place would only be refused by all others.
      throw identityDamaged(path, 'is no private key');
    }
  }
  makeDirectory(resolve(directory));
  const { key } = newNodeKey();
  await replaceFile(directory, keyName, key, secretMode);
  return key;
}

/** The CA that a founder has made and not committed yet; null when there is none. */
export async function readPendingCa(
  directory: string,
): Promise<{ readonly certificate: string | undefined; readonly key: string } | null> {
  const path = (name: string): string => join(resolve(directory), name);
  const [certificate, key] = await Promise.all([readIfThere(path(caName)), readIfThere(path(caKeyName))]);
  return key === undefined ? null : { certificate, key };
}

/** The key first: with it there, everything else can be made anew. */
export async function writePendingCa(
  directory: string,
  ca: { readonly certificate: string; readonly key: string },
): Promise<void> {
  await replaceFile(directory, caKeyName, ca.key, secretMode);
  await replaceFile(directory, caName, ca.certificate, publicMode);
}

/** It is committed: from now on the cluster keeps it. */
export async function removePendingCa(directory: string): Promise<void> {
  await rm(join(resolve(directory), caKeyName), { force: true });
  await syncDirectory(resolve(directory));
}

function parseMembers(path: string, text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw identityDamaged(path, 'is not JSON');
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const { clusterId, generation, role, nodes } = fields;
  const isWhole =
    typeof clusterId === 'string' &&
    Number.isSafeInteger(generation) &&
    (role === 'founder' || role === 'joined') &&
    Array.isArray(nodes) &&
    nodes.length <= nodesMax &&
    nodes.every(isMember);
  if (!isWhole) throw identityDamaged(path, 'lacks a field');
  const members = nodes as readonly { id: string; address: string }[];
  return {
    clusterId,
    generation: generation as number,
    role,
    nodes: members.map(({ id, address }) => ({ id: nodeId(id), address })),
  };
}

function isMember(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { id, address } = value as Readonly<Record<string, unknown>>;
  return typeof id === 'string' && typeof address === 'string';
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    // The directory itself may not be there either.
    if ((cause as { readonly code?: string }).code === 'ENOENT') return undefined;
    throw identityUnusable(path, cause);
  }
}

/** Path -> the last write of it that was asked for. */
const underWay = new Map<string, Promise<void>>();

/** Of one file one write after another: they share the name of what is not whole yet. */
function replaceFile(directory: string, name: string, text: string, mode: number): Promise<void> {
  const path = join(resolve(directory), name);
  const written = (underWay.get(path) ?? Promise.resolve()).then(() => replaceNow(path, text, mode));
  // Whoever asked hears of a failure; the next one writes the whole file anyhow.
  const settled = written.catch(() => undefined);
  underWay.set(path, settled);
  void settled.then(() => {
    if (underWay.get(path) === settled) underWay.delete(path);
  });
  return written;
}

/** A crash leaves the old file or the new one, and perhaps a part of the new one under another name. */
async function replaceNow(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  try {
    // One that a crash left may have had another mode.
    await rm(temporary, { force: true });
    const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (cause) {
    throw identityUnusable(path, cause);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
