/**
 * The member's side of a join: whoever has a token gets a certificate for its key, and a place in the map.
 *
 *     request -> may it? (query) -> certificate, of the CA's key (query) -> admit (command) -> answer
 *
 * Promises: nothing is answered before it is committed; a request that is repeated, since its answer was lost, gets the same
 * answer from any member; a stranger without a token costs one look at the map's actor.
 * Leaves to others: the socket and the size of the body (`../mesh/`), what is allowed (`../metadata/cluster-rules.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { errorData } from '../../runtime/base/errors.ts';
import { theCluster } from '../metadata/protocol.ts';
import type { OwnCommands } from '../own-commands.ts';
import { issueNodeCertificate, keyHashOf, nodePublicKey } from './certificates.ts';
import { doorBusy } from './codes.ts';
import { decodeJoinRequest, type JoinAnswer, type JoinReply } from './join-protocol.ts';
import { secretHashOf } from './token.ts';

export interface JoinDoorOptions {
  /** Routed: the cluster's actor may be led elsewhere. */
  readonly commands: Pick<OwnCommands, 'ask' | 'query'>;
  readonly clock: Clock;
  /** What happened at the door, for the log; no secret is in it. */
  readonly told?: (news: JoinNews) => void;
}

export interface JoinNews {
  /** As far as the request could be read. */
  readonly node: string | null;
  /** Null: it was let in. */
  readonly refusedWith: { readonly code: string; readonly text: string } | null;
}

/** Of one door. Signing is cheap; what waits for the cluster's actor is what is bounded here. */
const underWayMax = 8;
/** The joiner waits a little longer. */
const askMsMax = 20_000;

/** Never rejects. */
export function openJoinDoor(options: JoinDoorOptions): (request: unknown) => Promise<JoinReply> {
  let underWay = 0;
  return async (request) => {
    if (underWay >= underWayMax) return refusal(doorBusy());
    underWay++;
    try {
      const answer = await answerJoin(request, options);
      options.told?.({ node: nodeOf(request), refusedWith: null });
      return { status: 200, body: answer };
    } catch (error) {
      // Whatever it is, the joiner is told as much of it as is meant for others.
      const reply = refusal(error);
      options.told?.({ node: nodeOf(request), refusedWith: reply.body });
      return reply;
    } finally {
      underWay--;
    }
  };
}

/** @throws {OperationError} what keeps the joiner out */
export async function answerJoin(value: unknown, { commands, clock }: JoinDoorOptions): Promise<JoinAnswer> {
  const { secret, node, publicKeyPem, address, zone, host } = decodeJoinRequest(value);
  const keyHash = keyHashOf(nodePublicKey(publicKeyPem));
  const secretHash = secretHashOf(secret);
  const may = await commands.query(theCluster, { kind: 'mayAdmit', secretHash, node, keyHash });
  const ca = await commands.query(theCluster, { kind: 'ca' });
  const issued =
    may.certificate ??
    (await issueNodeCertificate({ ca: ca.certificate, caKey: ca.key, node, publicKeyPem, nowMs: clock.nowMs() }));
  const record = { id: node, address, zone, host, keyHash, certificate: issued };
  // Of two requests at a time one certificate is remembered, and both get that one.
  const { map, certificate } = await commands.ask(theCluster, { kind: 'admit', secretHash, node: record }, askMsMax);
  return {
    clusterId: map.clusterId,
    generation: map.generation,
    shardCount: map.shardCount,
    caCertificate: map.caCertificate,
    certificate,
    nodes: map.nodes.filter(({ state }) => state !== 'removed').map((each) => ({ id: each.id, address: each.address })),
  };
}

const statusOf: Readonly<Record<string, number>> = {
  badJoinRequest: 400,
  badNodeKey: 400,
  badClusterRecord: 400,
  tokenUnknown: 403,
  tokenExpired: 403,
  tokenUsed: 403,
  nodeIdTaken: 409,
  nodeRemoved: 409,
  keyTaken: 409,
  tooManyNodes: 409,
};

function refusal(error: unknown): JoinReply & { readonly body: { readonly code: string; readonly text: string } } {
  const { code, text, transient } = errorData(error);
  return { status: statusOf[code] ?? (transient ? 503 : 500), body: { code, text, transient } };
}

function nodeOf(request: unknown): string | null {
  const node = typeof request === 'object' && request !== null ? (request as { readonly node?: unknown }).node : null;
  return typeof node === 'string' ? node.slice(0, 32) : null;
}
