/**
 * Several speakers over one transport: each frame is `[channel, frame]`, and each channel is a transport of its own.
 *
 * Channel numbers are part of the wire (`contract.md`): one that is not used any more is never given to another.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Frame, Lane, Transport, TransportEvents } from './transport.ts';

export const channel = {
  /** `groups/`: Raft, bodies, copies. */
  groups: 0,
  liveness: 1,
  /** `routing/`: commands, queries, and what is read of other nodes. */
  calls: 2,
  notices: 3,
  /** `gossip/`: hints only. */
  gossip: 4,
} as const;

export type Channel = (typeof channel)[keyof typeof channel];

export class Channels {
  readonly #transport: Transport;
  readonly #listeners = new Map<number, TransportEvents>();

  /** @param refused a peer sent what is for nobody here */
  constructor(transport: Transport, refused: (from: NodeId, reason: string) => void) {
    this.#transport = transport;
    transport.listen({
      received: (from, lane, frame) => {
        const [to, inner] = Array.isArray(frame) && frame.length === 2 ? (frame as [unknown, Frame]) : [null, null];
        const listener = typeof to === 'number' ? this.#listeners.get(to) : undefined;
        if (listener === undefined) refused(from, `a frame for channel ${String(to).slice(0, 20)}`);
        else listener.received(from, lane, inner);
      },
      linked: (peer) => this.#each((listener) => listener.linked(peer)),
      unlinked: (peer) => this.#each((listener) => listener.unlinked(peer)),
      linkRefused: (peer) => this.#each((listener) => listener.linkRefused?.(peer)),
    });
  }

  /** Taken once by each speaker. Liveness is told of links first, so it should be the first to `listen`. */
  of(id: Channel): Transport {
    const transport = this.#transport;
    return {
      listen: (events) => void this.#listeners.set(id, events),
      send: (to: NodeId, lane: Lane, frame: Frame) => transport.send(to, lane, [id, frame]),
      isLinked: (peer) => transport.isLinked(peer),
      bytesInFlight: (peer, lane) => transport.bytesInFlight(peer, lane),
    };
  }

  #each(tell: (listener: TransportEvents) => void): void {
    for (const listener of this.#listeners.values()) tell(listener);
  }
}
