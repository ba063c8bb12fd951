/**
 * Links between nodes that a test cuts, stalls and mends; time is the fake clock's. Frames are packed and unpacked on the
 * way, so that nothing is shared.
 *
 * As the port promises: frames of one connection and lane come in order, none of an old one behind `linked` of the next.
 * Both ends hear of a break for themselves, each a moment later.
 */
import type { Frame, Lane, Transport, TransportEvents } from '../../../cluster/mesh/transport.ts';
import { nodeId, type NodeId } from '../../../runtime/base/ids.ts';
import { pack, unpack } from '../../../runtime/codec/codec.ts';
import type { FakeClock } from '../../support/fake-clock.ts';

export interface SentFrame {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly lane: Lane;
  readonly frame: Frame;
}

interface Connection {
  readonly ends: readonly [NodeId, NodeId];
  isUp: boolean;
  /** `from lane` -> when the last frame arrives. */
  readonly arrivals: Map<string, number>;
  /** `from` -> frames that a stall holds. */
  readonly held: Map<NodeId, (() => void)[]>;
}

export class FakeMesh {
  readonly clock: FakeClock;
  /** Everything that was sent over a link, in order. */
  sent: SentFrame[] = [];
  delayMs: () => number = () => 1;
  breakMs: () => number = () => 1;
  readonly #nodes = new Map<NodeId, TransportEvents>();
  readonly #connections = new Map<string, Connection>();
  /** What each end takes for its connection. */
  readonly #views = new Map<string, Connection>();
  readonly #stalled = new Set<string>();

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  transport(name: string): Transport {
    const self = nodeId(name);
    let life: TransportEvents | undefined;
    return {
      listen: (events) => {
        life = events;
        this.#nodes.set(self, events);
      },
      send: (to, lane, frame) => {
        // A node that was started anew does not speak through what its earlier life holds.
        if (life === this.#nodes.get(self)) this.#send(self, to, lane, frame);
      },
      isLinked: (peer) => this.#views.has(`${self} ${peer}`),
      bytesInFlight: () => 0,
    };
  }

  peersOf(name: string): NodeId[] {
    return [...this.#nodes.keys()].filter((peer) => this.#views.has(`${name} ${peer}`));
  }

  isLinked(a: string, b: string): boolean {
    return this.#connections.has(pairName(a, b));
  }

  link(a: string, b: string): void {
    const ends = [nodeId(a), nodeId(b)] as const;
    if (this.isLinked(a, b) || ends.some((end) => !this.#nodes.has(end))) return;
    // An end that has not heard of the break yet hears of it first.
    this.#tellBreak(ends[0], ends[1]);
    this.#tellBreak(ends[1], ends[0]);
    const connection: Connection = { ends, isUp: true, arrivals: new Map(), held: new Map() };
    this.#connections.set(pairName(a, b), connection);
    for (const [end, peer] of [ends, [ends[1], ends[0]] as const]) {
      this.#views.set(`${end} ${peer}`, connection);
      this.#nodes.get(end)?.linked(peer);
    }
  }

  linkAll(): void {
    const names = [...this.#nodes.keys()];
    for (const [i, a] of names.entries()) for (const b of names.slice(i + 1)) this.link(a, b);
  }

  /** What is on its way is lost. */
  cut(a: string, b: string): void {
    const connection = this.#connections.get(pairName(a, b));
    if (connection === undefined) return;
    connection.isUp = false;
    this.#connections.delete(pairName(a, b));
    const [one, two] = connection.ends;
    for (const [end, peer] of [[one, two] as const, [two, one] as const]) {
      this.clock.after(this.breakMs(), () => {
        if (this.#views.get(`${end} ${peer}`) === connection) this.#tellBreak(end, peer);
      });
    }
  }

  /** Frames in this direction wait, as TCP does while nothing gets through. */
  stall(from: string, to: string): void {
    this.#stalled.add(`${from} ${to}`);
  }

  unstall(from: string, to: string): void {
    this.#stalled.delete(`${from} ${to}`);
    const held = this.#connections.get(pairName(from, to))?.held.get(nodeId(from)) ?? [];
    for (const go of held.splice(0)) go();
  }

  /** As `kill -9`: its links break; a later life listens anew. */
  kill(name: string): void {
    for (const peer of this.#nodes.keys()) {
      this.cut(name, peer);
      this.#views.delete(`${name} ${peer}`);
    }
    this.#nodes.delete(nodeId(name));
  }

  /** A frame that no node of ours would send. */
  deliver(from: string, to: string, frame: Frame): void {
    this.#nodes.get(nodeId(to))?.received(nodeId(from), 'log', frame);
  }

  #tellBreak(end: NodeId, peer: NodeId): void {
    if (this.#views.delete(`${end} ${peer}`)) this.#nodes.get(end)?.unlinked(peer);
  }

  #send(from: NodeId, to: NodeId, lane: Lane, frame: Frame): void {
    const connection = this.#views.get(`${from} ${to}`);
    if (connection === undefined) return;
    const packed = pack(frame);
    this.sent.push({ from, to, lane, frame: unpack(packed) });
    if (!connection.isUp) return;
    const travel = (): void => {
      const way = `${from} ${lane}`;
      const atMs = Math.max(this.clock.monotonicMs() + this.delayMs(), connection.arrivals.get(way) ?? 0);
      connection.arrivals.set(way, atMs);
      this.clock.after(atMs - this.clock.monotonicMs(), () => {
        if (connection.isUp && this.#views.get(`${to} ${from}`) === connection) {
          this.#nodes.get(to)?.received(from, lane, unpack(packed));
        }
      });
    };
    const held = connection.held.get(from) ?? [];
    connection.held.set(from, held);
    if (this.#stalled.has(`${from} ${to}`) || held.length > 0) held.push(travel);
    else travel();
  }
}

const pairName = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
