/**
 * What a node says of itself when a link begins, and the verdict on it. Pure, and shared with the simulator.
 *
 * Promises: the verdict is the same whoever dialled; what `decodeHandshake` gives is of the right shape in every field.
 * Leaves to others: certificates (`door.ts`, `dial-attempt.ts`), when to say it (`accepting.ts`, `dial-attempt.ts`).
 */
import { type NodeId, nodeId } from '../../runtime/base/ids.ts';
import { contradicts } from '../identity/marks.ts';
import type { Mark, NodeRecord } from '../metadata/protocol.ts';
import { type LinkRefusal, linkRefusals } from './codes.ts';
import type { Lane } from './transport.ts';

export interface Hello {
  /** Versions of the wire that the node speaks. */
  readonly protocol: readonly [min: number, max: number];
  readonly features: readonly string[];
  readonly clusterId: string;
  readonly generation: number;
  readonly node: NodeId;
  readonly incarnation: number;
  /** Newest first, at most 256. */
  readonly marks: readonly Mark[];
  /** Where others find its mesh, `host:port`. */
  readonly address: string;
  readonly version: string;
  /** Drawn by whoever dials: the three lanes of a link bear the same. */
  readonly linkId: string;
  readonly lane: Lane;
}

/** What of a hello is the node's, whatever the link. */
export type SelfFacts = Omit<Hello, 'linkId' | 'lane' | 'protocol' | 'features'>;

/** What is known of whoever says hello. */
export interface KnownOfPeer {
  /** The name that its certificate is for. */
  readonly certificateName: string;
  /** In the committed map as this node has it; null: not there (yet). */
  readonly record: Pick<NodeRecord, 'state' | 'started'> | null;
  /** The newest that this node has linked with in its own life. */
  readonly seen: { readonly incarnation: number; readonly mark: Mark | null } | null;
}

export const ownProtocol: Hello['protocol'] = [1, 1];
/** Names of what may be left out without a new version of the wire. */
export const ownFeatures: readonly string[] = [];

export function judgeHello(
  own: Pick<Hello, 'protocol' | 'clusterId' | 'generation' | 'node'>,
  hello: Hello,
  known: KnownOfPeer,
): LinkRefusal | null {
  const { node, version, incarnation, marks } = hello;
  const { record, seen } = known;
  if (node !== known.certificateName) return linkRefusals.wrongName(node, known.certificateName);
  if (hello.clusterId !== own.clusterId) return linkRefusals.otherCluster(node);
  if (hello.generation !== own.generation) {
    return linkRefusals.otherGeneration(node, hello.generation, own.generation);
  }
  if (hello.protocol[1] < own.protocol[0]) return linkRefusals.protocolTooOld(node, version);
  if (hello.protocol[0] > own.protocol[1]) return linkRefusals.protocolTooNew(node, version);
  if (node === own.node) return linkRefusals.selfLink(node);
  if (record?.state === 'removed') return linkRefusals.nodeRemoved(node);
  for (const mark of [record?.started?.mark, seen?.mark]) {
    if (mark !== undefined && mark !== null && contradicts(mark, marks)) return linkRefusals.diskOlder(node);
  }
  const newest = Math.max(record?.started?.incarnation ?? 0, seen?.incarnation ?? 0);
  return incarnation < newest ? linkRefusals.olderIncarnation(node, incarnation, newest) : null;
}

/** What is said on a lane before it carries frames. */
export type Handshake =
  | { readonly kind: 'hello'; readonly hello: Hello }
  /** "I am here and do not dial you: dial me." */
  | { readonly kind: 'knock'; readonly hello: Hello }
  /** By whoever dialled: the three hellos were taken. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly refusal: LinkRefusal };

export function encodeHandshake(said: Handshake): readonly unknown[] {
  switch (said.kind) {
    case 'hello':
    case 'knock': {
      const { protocol, features, clusterId, generation, node, incarnation, marks, address, version } = said.hello;
      const list = marks.map(({ number, nonce }) => [number, nonce]);
      const facts = [protocol, features, clusterId, generation, node, incarnation, list, address, version];
      return [said.kind, ...facts, said.hello.linkId, said.hello.lane];
    }
    case 'ready':
      return ['ready'];
    case 'refused':
      return ['refused', said.refusal.code, said.refusal.text];
  }
}

/** Of this file only: never leaves `decodeHandshake`. */
class Malformed extends Error {}

const nameMax = 64;
const addressMax = 300;
const textMax = 1_000;
const featuresMax = 64;

/** @returns what was said, or (a text) what is wrong with it. Fields that a newer version adds at the end are passed over */
export function decodeHandshake(value: unknown, marksMax: number): Handshake | string {
  try {
    const fields = list(value, 'what is said', 32);
    switch (fields[0]) {
      case 'hello':
      case 'knock':
        return { kind: fields[0], hello: decodeHello(fields.slice(1), marksMax) };
      case 'ready':
        return { kind: 'ready' };
      case 'refused':
        return {
          kind: 'refused',
          refusal: { code: text(fields[1], 'code', nameMax), text: text(fields[2], 'text', textMax) },
        };
      default:
        return 'neither a hello nor an answer to one';
    }
  } catch (error) {
    if (error instanceof Malformed) return error.message;
    throw error;
  }
}

function decodeHello(fields: readonly unknown[], marksMax: number): Hello {
  const [protocol, features, clusterId, generation, node, incarnation, marks, address, version, linkId, lane] = fields;
  const [min, max] = list(protocol, 'protocol', 2);
  if (lane !== 'control' && lane !== 'log' && lane !== 'bulk') throw new Malformed('there is no such lane');
  return {
    protocol: [whole(min, 'protocol'), whole(max, 'protocol')],
    features: list(features, 'features', featuresMax).map((name) => text(name, 'feature', nameMax)),
    clusterId: text(clusterId, 'cluster id', nameMax),
    generation: whole(generation, 'generation'),
    node: nodeId(text(node, 'node', nameMax)),
    incarnation: whole(incarnation, 'incarnation'),
    marks: list(marks, 'marks', marksMax).map((mark) => {
      const [number, nonce] = list(mark, 'mark', 2);
      return { number: whole(number, 'mark'), nonce: text(nonce, 'mark', nameMax) };
    }),
    address: text(address, 'address', addressMax),
    version: text(version, 'version', nameMax),
    linkId: text(linkId, 'link id', nameMax),
    lane,
  };
}

function list(value: unknown, name: string, lengthMax: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= lengthMax) return value;
  throw new Malformed(`${name} is no list, or one of more than ${lengthMax}`);
}

function whole(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Malformed(`${name} is no whole number of 0 or more`);
}

/** It is shown to operators, so that nothing in it may steer their terminals. */
function text(value: unknown, name: string, lengthMax: number): string {
  if (typeof value === 'string' && value.length <= lengthMax && !/[\x00-\x1f\x7f-\x9f]/.test(value)) return value;
  throw new Malformed(`${name} is no text, or one of more than ${lengthMax} characters, or not plain`);
}
