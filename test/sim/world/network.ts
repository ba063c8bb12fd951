/**
 * The network between nodes: one connection a pair of nodes, which connects, carries frames in order, and breaks, as TCP does.
 *
 * A cut (of one direction or both) holds what is sent, as TCP does while it sends again; when the cut ends it arrives, late
 * and in order, or the connection has broken meanwhile. A process that dies resets its connections; a machine without power
 * says nothing, so the others notice only by silence or by its return. Frames are packed and unpacked on the way, so that
 * nothing is shared and nothing changes behind the back. As the port promises, an end hears of a break before the next
 * connection, and of a connection before what comes over it.
 */
import type { NodeId } from '../../../runtime/base/ids.ts';
import { pack, unpack } from '../../../runtime/codec/codec.ts';
import type { LinkRefusal } from '../../../cluster/mesh/codes.ts';
import type { Lane, Transport, TransportEvents } from '../../../cluster/mesh/transport.ts';
import type { Life, Machine } from './machine.ts';
import type { Dice } from './random.ts';
import { nature, type Timeline } from './timeline.ts';

interface Connection {
  readonly ends: readonly [Life, Life];
  isUp: boolean;
  /** Ends that were told of it: only then they send, and hear what is sent. */
  readonly told: Set<Life>;
  /** Name of an end -> when it is told. */
  readonly toldMs: Map<string, number>;
  /** `from lane` -> when the last frame sent arrives: the next one is behind it. */
  readonly arrivals: Map<string, number>;
  readonly bytes: Map<string, number>;
  /** Frames that a cut or a clog holds, in order. */
  held: (() => void)[];
}

const connectEveryMs = 120;
/** A sender gives up a connection of which nothing comes back. */
const silentMsMax = 15_000;
/** After this nothing that was said over a way that is gone is still on its way. */
const forgottenMs = 4_000;

export class Network {
  /** Added to each frame's way. */
  extraDelayMs = 0;
  /** Told of two that are about to link, and of a node that is not let in by another. */
  linking: (a: Machine, b: Machine) => void = () => undefined;
  refused: (machine: Machine, by: NodeId, refusal: LinkRefusal) => void = () => undefined;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #machines: readonly Machine[];
  readonly #delayMs: number;
  readonly #connections = new Map<string, Connection>();
  readonly #listeners = new Map<Life, TransportEvents>();
  /** `from to` -> how many cuts hold. */
  readonly #cuts = new Map<string, number>();
  /** `life peer` -> when it hears that a connection broke: of the next one it is told behind that. */
  readonly #brokeMs = new Map<string, number>();
  /** Pair -> when there was last a way there and back that is none now. */
  readonly #twoWayMs = new Map<string, number>();

  constructor(timeline: Timeline, dice: Dice, machines: readonly Machine[]) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#machines = machines;
    this.#delayMs = dice.spread(0.05, 4);
    if (machines.length > 1) this.#connectLater();
  }

  /** It has had no way there and back to any other node for so long that nothing can be on its way. */
  isCutOff(machine: Machine): boolean {
    for (const other of this.#machines) {
      if (other === machine) continue;
      const pair = pairName(machine.id, other.id);
      if (this.isTwoWay(machine, other)) return false;
      if (this.#timeline.nowMs - (this.#twoWayMs.get(pair) ?? Number.NEGATIVE_INFINITY) < forgottenMs) return false;
    }
    return this.#timeline.nowMs - machine.pausedUntilMs > forgottenMs && machine.slowness === 1;
  }

  /** The way of one life to its peers. */
  transportOf(machine: Machine, life: Life): Transport {
    return {
      listen: (events) => void this.#listeners.set(life, events),
      send: (to, lane, frame) => this.#send(machine.id, life, to, lane, frame),
      isLinked: (peer) => this.#linked(machine.id, peer)?.told.has(life) === true,
      bytesInFlight: (peer, lane) => this.#linked(machine.id, peer)?.bytes.get(`${machine.id} ${lane}`) ?? 0,
    };
  }

  /** @param isSilent the machine has lost power: nobody is told */
  died(machine: Machine, isSilent: boolean): void {
    for (const [name, connection] of this.#connections) {
      if (!name.split(' ').includes(machine.id)) continue;
      this.#noteTwoWay(...(name.split(' ') as [NodeId, NodeId]));
      if (!isSilent) this.#break(name, connection);
      // Until the peer gives up by itself, or the machine is back and connects anew.
      else this.#timeline.after(silentMsMax, nature, () => this.#break(name, connection));
    }
  }

  cut(from: Machine, to: Machine): void {
    this.#noteTwoWay(from.id, to.id);
    const name = `${from.id} ${to.id}`;
    this.#cuts.set(name, (this.#cuts.get(name) ?? 0) + 1);
  }

  /** The end of one cut. @param isBroken connections over it did not survive */
  heal(from: Machine, to: Machine, isBroken: boolean): void {
    const name = `${from.id} ${to.id}`;
    const left = Math.max(0, (this.#cuts.get(name) ?? 0) - 1);
    this.#cuts.set(name, left);
    if (left > 0) return;
    const pair = pairName(from.id, to.id);
    const connection = this.#connections.get(pair);
    if (connection === undefined) return;
    if (isBroken) this.#break(pair, connection);
    else this.#release(connection);
  }

  healAll(): void {
    this.extraDelayMs = 0;
    this.#cuts.clear();
    for (const connection of this.#connections.values()) this.#release(connection);
  }

  reset(a: Machine, b: Machine): boolean {
    const name = pairName(a.id, b.id);
    const connection = this.#connections.get(name);
    if (connection === undefined) return false;
    this.#break(name, connection);
    return true;
  }

  #send(from: NodeId, life: Life, to: NodeId, lane: Lane, frame: unknown): void {
    const connection = this.#linked(from, to);
    if (connection?.told.has(life) !== true) return;
    const packed = pack(frame);
    const way = `${from} ${lane}`;
    connection.bytes.set(way, (connection.bytes.get(way) ?? 0) + packed.byteLength);
    const arrive = (): void => this.#arrive(connection, from, to, lane, packed);
    const travel = (): void => this.#travel(connection, way, to, arrive);
    if (this.#isCut(from, to) || connection.held.length > 0) connection.held.push(travel);
    else travel();
  }

  #travel(connection: Connection, way: string, to: NodeId, arrive: () => void): void {
    const delayMs = this.#delayMs * this.#dice.between(0.5, 2) + this.extraDelayMs * this.#dice.between(0.5, 1);
    const noSoonerMs = Math.max(connection.arrivals.get(way) ?? 0, connection.toldMs.get(to) ?? 0);
    const atMs = Math.max(this.#timeline.nowMs + delayMs, noSoonerMs);
    connection.arrivals.set(way, atMs);
    this.#timeline.at(atMs, nature, arrive);
  }

  #arrive(connection: Connection, from: NodeId, to: NodeId, lane: Lane, packed: Uint8Array): void {
    if (!connection.isUp) return;
    // The way was cut while it travelled.
    if (this.#isCut(from, to)) return void connection.held.push(() => this.#arrive(connection, from, to, lane, packed));
    const receiver = connection.ends.find(({ name }) => name === to)!;
    this.#timeline.after(0, receiver, () => {
      if (!connection.isUp) return;
      const way = `${from} ${lane}`;
      connection.bytes.set(way, (connection.bytes.get(way) ?? 0) - packed.byteLength);
      this.#listeners.get(receiver)?.received(from, lane, unpack(packed));
    });
  }

  #release(connection: Connection): void {
    for (const go of connection.held.splice(0)) go();
  }

  isTwoWay(a: Machine, b: Machine): boolean {
    const isUp = this.#connections.get(pairName(a.id, b.id))?.isUp === true;
    return isUp && !this.#isCut(a.id, b.id) && !this.#isCut(b.id, a.id) && a.isUp && b.isUp;
  }

  /** About to change the ways between: notes that until now there was one. */
  #noteTwoWay(a: NodeId, b: NodeId): void {
    const isUp = this.#connections.get(pairName(a, b))?.isUp === true;
    if (isUp && !this.#isCut(a, b) && !this.#isCut(b, a)) this.#twoWayMs.set(pairName(a, b), this.#timeline.nowMs);
  }

  #isCut(from: NodeId, to: NodeId): boolean {
    return (this.#cuts.get(`${from} ${to}`) ?? 0) > 0;
  }

  #linked(a: NodeId, b: NodeId): Connection | undefined {
    return this.#connections.get(pairName(a, b));
  }

  #break(name: string, connection: Connection): void {
    if (!connection.isUp) return;
    const [one, two] = connection.ends;
    this.#noteTwoWay(one.name as NodeId, two.name as NodeId);
    connection.isUp = false;
    connection.held = [];
    if (this.#connections.get(name) === connection) this.#connections.delete(name);
    const [a, b] = connection.ends;
    for (const [end, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      // Who was not told of it need not hear that it broke.
      if (!connection.told.has(end)) continue;
      const atMs = this.#timeline.nowMs + this.#dice.spread(0.1, 3);
      this.#brokeMs.set(`${end.name} ${end.number} ${peer.name}`, atMs);
      this.#timeline.at(atMs, end, () => this.#listeners.get(end)?.unlinked(peer.name as NodeId));
    }
  }

  #connectLater(): void {
    this.#timeline.after(this.#dice.between(0.5, 1) * connectEveryMs, nature, () => {
      for (const [i, a] of this.#machines.entries()) for (const b of this.#machines.slice(i + 1)) this.#connect(a, b);
      this.#connectLater();
    });
  }

  #connect(a: Machine, b: Machine): void {
    if (!a.knowsOf(b.id) && !b.knowsOf(a.id)) return;
    const name = pairName(a.id, b.id);
    const known = this.#connections.get(name);
    if (a.node === null || b.node === null) {
      this.#refuse(a, b);
      this.#refuse(b, a);
      return;
    }
    if (known !== undefined && known.ends.includes(a.life!) && known.ends.includes(b.life!)) return;
    // A new connection of a node that is back ends the old one.
    if (known !== undefined) this.#break(name, known);
    if (this.#isCut(a.id, b.id) || this.#isCut(b.id, a.id) || !this.#greet(a, b)) return;
    const ends = [a.life!, b.life!] as const;
    const connection: Connection = {
      ...{ ends, isUp: true, told: new Set(), toldMs: new Map() },
      ...{ arrivals: new Map(), bytes: new Map(), held: [] },
    };
    this.#connections.set(name, connection);
    for (const [end, peer] of [
      [ends[0], b.id],
      [ends[1], a.id],
    ] as const) {
      const brokeMs = this.#brokeMs.get(`${end.name} ${end.number} ${peer}`) ?? 0;
      const atMs = Math.max(this.#timeline.nowMs + this.#dice.spread(0.1, 3), brokeMs);
      connection.toldMs.set(end.name, atMs);
      this.#timeline.at(atMs, end, () => {
        if (!connection.isUp) return;
        connection.told.add(end);
        this.#listeners.get(end)?.linked(peer);
      });
    }
  }

  /** @returns whether each lets the other in */
  #greet(a: Machine, b: Machine): boolean {
    const hellos = [a.node!.greeter.hello(), b.node!.greeter.hello()] as const;
    const byA = a.node!.greeter.judge(hellos[1]);
    const byB = b.node!.greeter.judge(hellos[0]);
    if (byA !== null) this.#turnAway(b, a.id, byA);
    if (byB !== null) this.#turnAway(a, b.id, byB);
    if (byA !== null || byB !== null) return false;
    a.node!.greeter.linked(hellos[1]);
    b.node!.greeter.linked(hellos[0]);
    this.linking(a, b);
    return true;
  }

  #turnAway(machine: Machine, by: NodeId, refusal: LinkRefusal): void {
    this.#timeline.after(this.#delayMs, machine.life!, () => this.refused(machine, by, refusal));
  }

  /** Only a machine that has power says that nobody listens. */
  #refuse(dialler: Machine, dead: Machine): void {
    const { life } = dialler;
    if (life === null || dialler.node === null || dead.node !== null || !dead.hasPower) return;
    if (this.#isCut(dialler.id, dead.id) || this.#isCut(dead.id, dialler.id)) return;
    this.#timeline.after(0, life, () => this.#listeners.get(life)?.linkRefused?.(dead.id));
  }
}

const pairName = (a: NodeId, b: NodeId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
