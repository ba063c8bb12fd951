/**
 * What crosses the door by which a node comes in: `POST /v1/join`, JSON both ways. Either end may be broken or hostile: what
 * it sends is read field by field, with bounds.
 */
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { isNodeName } from '../metadata/node-names.ts';
import { badJoinAnswer, badJoinRequest } from './codes.ts';
import type { MemberAddress } from './identity-files.ts';
import { isSecret } from './token.ts';

export const joinPath = '/v1/join';
/** Grows when an older end could not make sense of the other. */
export const joinProtocolVersion = 1;
export const joinRequestBytesMax = 16 * 1024;
/** 64 members with their addresses, and two certificates. */
export const joinAnswerBytesMax = 256 * 1024;
const membersMax = 64;
const pemCharactersMax = 8_192;

export interface JoinRequest {
  readonly protocol: number;
  /** The token's. */
  readonly secret: string;
  readonly node: NodeId;
  readonly publicKeyPem: string;
  /** Where the joiner's mesh will listen; '' when it does not know yet: its first start says it. */
  readonly address: string;
  readonly zone: string;
  readonly host: string;
  /** Of the program: for the log and the map. */
  readonly version: string;
}

export interface JoinAnswer {
  readonly clusterId: string;
  readonly generation: number;
  readonly shardCount: number;
  /** PEM. */
  readonly caCertificate: string;
  readonly certificate: string;
  /** The joiner included. */
  readonly nodes: readonly MemberAddress[];
}

/** What the door sends: the answer, or `{code, text, transient}` of what it refuses. */
export interface JoinReply {
  /** HTTP. */
  readonly status: number;
  readonly body: JoinAnswer | JoinRefusal;
}

export interface JoinRefusal {
  readonly code: string;
  readonly text: string;
  readonly transient: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws {OperationError} `badJoinRequest` */
export function decodeJoinRequest(value: unknown): JoinRequest {
  const fields = fieldsOf(value);
  if (fields === null) throw badJoinRequest('it is no object');
  const text = (name: string, charactersMax: number): string => {
    const found = fields[name];
    if (typeof found === 'string' && found.length <= charactersMax) return found;
    throw badJoinRequest(`${name} is no text of at most ${charactersMax} characters`);
  };
  if (fields['protocol'] !== joinProtocolVersion) {
    throw badJoinRequest(`this node joins by protocol ${joinProtocolVersion}`);
  }
  const node = text('node', 64);
  if (!isNodeName(node)) throw badJoinRequest('node is no name of a node');
  const { secret } = fields;
  if (!isSecret(secret)) throw badJoinRequest('secret has not the form of one');
  return {
    protocol: joinProtocolVersion,
    secret,
    node: nodeId(node),
    publicKeyPem: text('publicKeyPem', pemCharactersMax),
    address: text('address', 300),
    zone: text('zone', 255),
    host: text('host', 255),
    version: text('version', 64),
  };
}

/** Says nothing of who made the certificates. @throws {OperationError} `badJoinAnswer` */
export function decodeJoinAnswer(value: unknown, address: string): JoinAnswer {
  const fields = fieldsOf(value);
  const wrong = (what: string): never => {
    throw badJoinAnswer(address, what);
  };
  if (fields === null) return wrong('it is no object');
  const text = (name: string, charactersMax: number): string => {
    const found = fields[name];
    return typeof found === 'string' && found !== '' && found.length <= charactersMax ? found : wrong(`its ${name}`);
  };
  const count = (name: string, max: number): number => {
    const found = fields[name];
    return Number.isSafeInteger(found) && (found as number) >= 1 && (found as number) <= max
      ? (found as number)
      : wrong(`its ${name}`);
  };
  const { nodes } = fields;
  if (!Array.isArray(nodes) || nodes.length > membersMax) return wrong('its nodes');
  return {
    clusterId: text('clusterId', 64),
    generation: count('generation', Number.MAX_SAFE_INTEGER),
    shardCount: count('shardCount', 65_536),
    caCertificate: text('caCertificate', pemCharactersMax),
    certificate: text('certificate', pemCharactersMax),
    nodes: nodes.map((each) => memberOf(each) ?? wrong('one of its nodes')),
  };
}

/** What the other end refused, as far as it can be read. */
export function decodeRefusal(value: unknown): JoinRefusal | null {
  const { code, text, transient } = fieldsOf(value) ?? {};
  if (typeof code !== 'string' || !/^[A-Za-z]{1,64}$/.test(code) || typeof text !== 'string') return null;
  return { code, text: text.slice(0, 1_000), transient: transient === true };
}

function memberOf(value: unknown): MemberAddress | null {
  const { id, address } = fieldsOf(value) ?? {};
  if (typeof id !== 'string' || !isNodeName(id) || typeof address !== 'string' || address.length > 300) return null;
  return { id: nodeId(id), address };
}

function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}
