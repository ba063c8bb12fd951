/**
 * A command or a query as frames to one peer, with its bodies: small ones inside, large ones in pieces ahead of it.
 *
 * Leaves to others: which peer (`asking.ts`), what its answer means.
 */
import type { CommandRequest, QueryRequest } from '../../runtime/actor/request.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { bodiesInMemory } from './body-sources.ts';
import type { Ending } from './in-flight.ts';
import type { PeerCalls } from './peer-calls.ts';
import { requireFitting } from './plain-size.ts';
import { askFields, kind, type PeerAnswer, queryFields } from './wire.ts';

export type Request =
  | { readonly is: 'ask'; readonly request: CommandRequest }
  | { readonly is: 'query'; readonly request: QueryRequest };

export interface Leg {
  readonly to: NodeId;
  /** Whom the peer should hand it on to if it does not lead itself; null: to nobody. */
  readonly onTo: NodeId | null;
  readonly leftMs: number;
}

/** Whoever asks has the deadline himself; this is for what he forgot. */
const graceMs = 1_000;

/**
 * @returns the id to forget it by; null: too much is on its way, and `ended` is not called
 * @throws {OperationError} `doesNotFit`
 */
export function sendRequest(
  calls: PeerCalls,
  of: Request,
  { to, onTo, leftMs }: Leg,
  ended: (ending: Ending<PeerAnswer>) => void,
): number | null {
  const value = of.is === 'ask' ? of.request.command : of.request.query;
  requireFitting(value, `the ${of.is === 'ask' ? 'command' : 'query'} ${value.kind}`, calls.valueBounds);
  const id = calls.open(to, leftMs + graceMs, ended);
  if (id === null) return null;
  if (of.is === 'query') {
    calls.send(to, 'log', [kind.query, id, ...queryFields(of.request, onTo)]);
    return id;
  }
  const { request } = of;
  const { sent, sources } = bodiesInMemory(request.bodies);
  const sendCall = (): void => calls.send(to, 'log', [kind.ask, id, ...askFields(request, onTo, leftMs, sent)]);
  if (sources.length === 0) {
    sendCall();
    return id;
  }
  // Out of memory all of them can be read, so that they are handed over whole or not wanted any more.
  const isQueued = calls.sending.send({ to, id, bodies: sources, isWanted: () => calls.isOpen(id), done: sendCall });
  if (isQueued) return id;
  calls.forget(id);
  return null;
}
