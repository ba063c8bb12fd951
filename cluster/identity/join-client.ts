/**
 * The joiner's side: from an empty data directory and a token to a node that can start.
 *
 *     lock -> key -> call a member -> check what it answered -> CA, certificate, mesh.json -> header of the directory
 *
 * Promises: it can be cut off anywhere and repeated, with the same key and so with the same certificate; the header is last,
 * so that a half-made directory holds no node; nothing is trusted that the token's CA did not sign.
 * Leaves to others: starting the node.
 */
import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { type DataHeader, holdsNode, makeDirectory, openDataDirectory } from '../../runtime/store/data-directory.ts';
import { lockDirectory } from '../../runtime/store/directory-lock.ts';
import { parseAddress } from '../mesh/addresses.ts';
import { isNodeName } from '../metadata/node-names.ts';
import { caHash, isIssuedBy, keyHashOf, nodeOfCertificate, publicKeyOf } from './certificates.ts';
import { alreadyJoined, badAddress, badJoinAnswer, badNodeName, directoryTaken, notAMember } from './codes.ts';
import { readIdentity, readOrMakeKey, writeIdentity } from './identity-files.ts';
import { callMember, type MemberReply, requireInTime } from './join-call.ts';
import {
  decodeJoinAnswer,
  decodeRefusal,
  type JoinAnswer,
  type JoinRequest,
  joinProtocolVersion,
} from './join-protocol.ts';
import { parseToken } from './token.ts';

export interface JoinOptions {
  /** Of a member's mesh, `host:port`. */
  readonly address: string;
  /** As the operator pasted it. */
  readonly token: string;
  readonly dataDirectory: string;
  readonly node: string;
  /** Where this node's mesh will listen, as far as it is known. */
  readonly meshAddress: string;
  readonly zone: string;
  readonly host: string;
  /** Of the program. */
  readonly version: string;
  readonly clock: Clock;
}

export interface Joined {
  readonly clusterId: string;
  readonly node: NodeId;
  /** Its members now, this one included. */
  readonly members: JoinAnswer['nodes'];
}

/**
 * @throws {OperationError} what the member refused (`tokenUnknown`, `tokenExpired`, `tokenUsed`, `nodeIdTaken` …);
 *   `badToken`, `badAddress`, `badNodeName`, `alreadyJoined`, `directoryTaken`, `dataDirectoryInUse`, `memberUnreachable`,
 *   `notAMember`, `otherCluster`, `clockOff`, `badJoinAnswer`
 */
export async function join(options: JoinOptions): Promise<Joined> {
  const token = parseToken(options.token);
  const to = parseAddress(options.address.trim());
  if (to === null) throw badAddress(options.address);
  if (!isNodeName(options.node)) throw badNodeName(options.node);
  const node = nodeId(options.node);
  const path = resolve(options.dataDirectory);
  const { clock, address } = options;
  if (holdsNode(path)) throw await heldBy(path, node, token.caHash, clock);
  makeDirectory(path);
  const lock = lockDirectory(path);
  let answer: JoinAnswer;
  try {
    const key = await readOrMakeKey(path);
    const publicKeyPem = publicKeyOf(key);
    const { meshAddress, zone, host, version } = options;
    const { secret } = token;
    const body: JoinRequest = {
      protocol: joinProtocolVersion,
      secret,
      node,
      publicKeyPem,
      address: meshAddress,
      zone,
      host,
      version,
    };
    const reply = await callMember({ to, address, caHash: token.caHash, body, clock });
    answer = answerOf(reply, address);
    requireOurs(answer, { node, publicKeyPem, caHash: token.caHash, address, nowMs: clock.nowMs() });
    const { clusterId, generation, caCertificate, certificate, nodes } = answer;
    await writeIdentity(path, { clusterId, generation, role: 'joined', nodes, caCertificate, certificate });
  } finally {
    lock.release();
  }
  const { clusterId, shardCount, nodes } = answer;
  openDataDirectory({ path, clock, create: () => ({ clusterId, nodeId: node, shardCount }) }).close();
  return { clusterId, node, members: nodes };
}

/** Why a directory that holds a node is refused: it may be that everything is done already. */
async function heldBy(path: string, node: NodeId, pinned: string, clock: Clock): Promise<OperationError> {
  const header = headerOf(path, clock);
  const identity = await readIdentity(path);
  const isSame = header.nodeId === node && identity !== null && caHash(identity.caCertificate) === pinned;
  return isSame ? alreadyJoined(path, node) : directoryTaken(path, header.nodeId);
}

/** @throws {OperationError} also `dataDirectoryInUse`, when its node runs */
function headerOf(path: string, clock: Clock): DataHeader {
  const directory = openDataDirectory({ path, clock });
  directory.close();
  return directory.header;
}

function answerOf({ status, body }: MemberReply, address: string): JoinAnswer {
  if (status === 200) return decodeJoinAnswer(body, address);
  const refusal = decodeRefusal(body);
  if (refusal === null) throw notAMember(address, `it answered ${status}`);
  throw new OperationError(refusal);
}

interface Expected {
  readonly node: NodeId;
  readonly publicKeyPem: string;
  readonly caHash: string;
  readonly address: string;
  readonly nowMs: number;
}

/** @throws {OperationError} `badJoinAnswer`, `clockOff` */
function requireOurs(answer: JoinAnswer, { node, publicKeyPem, caHash: pinned, address, nowMs }: Expected): void {
  const ca = certificateOf(answer.caCertificate, address);
  const certificate = certificateOf(answer.certificate, address);
  if (caHash(ca) !== pinned || !isIssuedBy(certificate, ca))
    throw badJoinAnswer(address, 'a certificate of another CA');
  if (nodeOfCertificate(certificate) !== node) throw badJoinAnswer(address, 'a certificate for another name');
  if (keyHashOf(certificate) !== keyHashOf(publicKeyPem)) throw badJoinAnswer(address, 'a certificate for another key');
  requireInTime(certificate, "the new certificate, by the member's clock,", nowMs);
}

function certificateOf(pem: string, address: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    // What is wrong with it helps nobody here: the two programs do not fit.
    throw badJoinAnswer(address, 'a certificate that is none');
  }
}
