/**
 * A link: three lanes to one life of one peer. When one breaks, all do.
 *
 * Promises: after `broke`, `end` or `terminate` it calls nobody; `broke` comes once, and may come from within `send`.
 * Leaves to others: how it came to be (`dial-attempt.ts`, `accepting.ts`), who is told (`websocket-transport.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Hello } from './hello.ts';
import { LinkLane, type LaneCounts } from './lane.ts';
import type { LaneSocket } from './lane-socket.ts';
import type { MeshSettings } from './settings.ts';
import type { Frame, Lane } from './transport.ts';

export const laneNames = ['control', 'log', 'bulk'] as const satisfies readonly Lane[];
export type ByLane<Value> = Readonly<Record<Lane, Value>>;

export function byLane<Value>(of: (lane: Lane) => Value): ByLane<Value> {
  return { control: of('control'), log: of('log'), bulk: of('bulk') };
}

/** Three lanes that have said hello. */
export interface Greeted {
  /** What the peer said on the control lane. */
  readonly hello: Hello;
  readonly sockets: ByLane<LaneSocket>;
  /** Messages that came before the link stood, in order: their sockets are paused. */
  readonly early: ByLane<readonly Uint8Array[]>;
  /** The other end, as this machine sees it. */
  readonly address: string;
}

export interface LinkEvents {
  received(lane: Lane, frame: Frame): void;
  broke(reason: string): void;
}

export class Link {
  readonly peer: NodeId;
  readonly hello: Hello;
  readonly address: string;
  /** Wall clock. */
  readonly sinceMs: number;
  readonly #clock: Clock;
  readonly #sinceMonotonicMs: number;
  readonly #lanes: ByLane<LinkLane>;
  readonly #early: ByLane<readonly Uint8Array[]>;
  readonly #events: LinkEvents;
  /** Bytes of each lane that have come to the peer, as it says. */
  #readThere: ByLane<number> | null = null;
  #isUp = true;

  constructor(greeted: Greeted, settings: MeshSettings, counts: ByLane<LaneCounts>, clock: Clock, events: LinkEvents) {
    this.hello = greeted.hello;
    this.peer = greeted.hello.node;
    this.address = greeted.address;
    this.sinceMs = clock.nowMs();
    this.#clock = clock;
    this.#sinceMonotonicMs = clock.monotonicMs();
    this.#events = events;
    this.#early = greeted.early;
    const laneEvents = {
      frames: (lane: Lane, frames: readonly Frame[]) => this.#received(lane, frames),
      pinged: (lane: Lane, words: string) => {
        if (lane === 'control') this.#readThere = parseRead(words) ?? this.#readThere;
      },
      broken: (reason: string) => this.break(reason),
    };
    this.#lanes = byLane((lane) => new LinkLane(lane, greeted.sockets[lane], settings, counts[lane], laneEvents));
  }

  /** What came early is told; called once, when whoever hears of it knows of the link. */
  open(): void {
    for (const lane of laneNames) {
      for (const message of this.#early[lane]) if (this.#isUp) this.#lanes[lane].take(message);
      if (this.#isUp) this.#lanes[lane].resume();
    }
  }

  send(lane: Lane, frame: Frame): void {
    if (this.#isUp) this.#lanes[lane].send(frame);
  }

  bytesInFlight(lane: Lane): number {
    return this.#lanes[lane].bytesInFlight;
  }

  stoodMs(): number {
    return this.#clock.monotonicMs() - this.#sinceMonotonicMs;
  }

  /** Some time has passed. */
  look(): void {
    for (const lane of laneNames) {
      if (!this.#isUp) return;
      if (!this.#lanes[lane].look(this.#readThere?.[lane] ?? null)) this.break(`nothing moves on its ${lane} lane`);
    }
    const read = laneNames.map((lane) => this.#lanes[lane].bytesRead).join(' ');
    for (const lane of laneNames) this.#lanes[lane].ping(lane === 'control' ? read : '');
  }

  break(reason: string): void {
    if (!this.#isUp) return;
    this.terminate();
    this.#events.broke(reason);
  }

  /** What was sent still leaves; settles when all is closed, so call `terminate` after a while. */
  async end(): Promise<void> {
    this.#isUp = false;
    await Promise.all(laneNames.map((lane) => this.#lanes[lane].end()));
  }

  terminate(): void {
    this.#isUp = false;
    for (const lane of laneNames) this.#lanes[lane].terminate();
  }

  #received(lane: Lane, frames: readonly Frame[]): void {
    // Whoever is told of one may break the link.
    for (const frame of frames) if (this.#isUp) this.#events.received(lane, frame);
  }
}

/** Null: it is something else, of a newer version. */
function parseRead(words: string): ByLane<number> | null {
  const match = /^(\d{1,16}) (\d{1,16}) (\d{1,16})$/.exec(words);
  if (match === null) return null;
  return { control: Number(match[1]), log: Number(match[2]), bulk: Number(match[3]) };
}
