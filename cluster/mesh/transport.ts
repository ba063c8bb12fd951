/**
 * The port to the other nodes: ordered msgs over links that break. Production fills it with WebSockets, the simulator
 * with a virtual network.
 *
 * Promises asked of an implementation:
 * - within one connection and lane, msgs arrive in the order of `send`, each at most once, or the connection breaks;
 * - after a break, msgs of the old connection never arrive behind `linked` of the new one;
 * - `received` is called in loop turns of its own, never from within `send`.
 *
 * Leaves to others: what msgs mean, asking again, who is alive (`liveness/`).
 */
import type { NodeId } from '../../runtime/base/ids.ts';

/** Three sockets per pair, so that a large body never delays a vote (plan §13). */
export type Lane = 'control' | 'log' | 'bulk';

/** Plain data (arrays, objects, strings, numbers, booleans, null, Uint8Array); it must not change after `send`. */
export type Frame = unknown;

export interface TransportEvents {
  received(from: NodeId, lane: Lane, frame: Frame): void;
  /** A new connection: what was sent on the one before may be lost. */
  linked(peer: NodeId): void;
  unlinked(peer: NodeId): void;
  /** An attempt to connect was refused by the peer's machine: nobody listens there. For liveness; others need not care. */
  linkRefused?(peer: NodeId): void;
}

export interface Transport {
  /** Said before the first `linked`. */
  listen(events: TransportEvents): void;
  /** Lost without a word when there is no link. */
  send(to: NodeId, lane: Lane, frame: Frame): void;
  isLinked(peer: NodeId): boolean;
  /** Bytes handed to `send` that the peer has not taken yet: for back-pressure on bulk data. */
  bytesInFlight(peer: NodeId, lane: Lane): number;
}
