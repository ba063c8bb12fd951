/**
 * Links that peers begin: sockets of nodes with a certificate, until three of them are one link.
 *
 * Promises: a node has one link under way at a time, the newest; what does not become a link in time is closed; whoever is
 * refused hears why.
 * Leaves to others: certificates (`door.ts`); what becomes of a link (`websocket-transport.ts`). The words are drawn in
 * `dial-attempt.ts`.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { pack } from '../../runtime/codec/codec.ts';
import { type LinkRefusal, linkRefusals } from './codes.ts';
import { readHandshake } from './dial-attempt.ts';
import { encodeHandshake, type Hello } from './hello.ts';
import type { LaneSocket } from './lane-socket.ts';
import { byLane, type Greeted, laneNames } from './link.ts';
import type { MeshSettings } from './settings.ts';
import type { Lane } from './transport.ts';

export interface AcceptingOptions {
  readonly self: NodeId;
  readonly settings: MeshSettings;
  readonly clock: Clock;
  hello(lane: Lane, linkId: string): Hello;
  judge(hello: Hello, certificateName: string): LinkRefusal | null;
  linked(greeted: Greeted): void;
  knocked(hello: Hello): void;
  /** @param by whose verdict it is */
  refused(node: string, address: string, refusal: LinkRefusal, by: 'us' | 'them'): void;
}

/** A socket that has said nothing yet, or not enough. */
interface Arrival {
  readonly socket: LaneSocket;
  readonly certificateName: string;
  readonly address: string;
}

/** A link under way: at most one of each lane. */
interface Gathering {
  readonly linkId: string;
  readonly incarnation: number;
  readonly lanes: Map<Lane, { readonly arrival: Arrival; readonly hello: Hello }>;
  readonly ready: Set<Lane>;
  readonly early: Map<Lane, Uint8Array[]>;
  cancelDeadline: () => void;
}

/** Sockets of one node that have not said hello: two links' worth, since one may be given up on the other side only. */
const silentMax = 2 * laneNames.length;

export class Accepting {
  readonly #options: AcceptingOptions;
  /** By the name in the certificate, oldest first. */
  readonly #silent = new Map<string, Set<LaneSocket>>();
  readonly #gatherings = new Map<NodeId, Gathering>();

  constructor(options: AcceptingOptions) {
    this.#options = options;
  }

  take(socket: LaneSocket, certificateName: string, address: string): void {
    const arrival = { socket, certificateName, address };
    const silent = this.#silent.get(certificateName) ?? new Set();
    this.#silent.set(certificateName, silent.add(socket));
    const cancelDeadline = this.#options.clock.after(this.#options.settings.helloMsMax, () => leave(true));
    const leave = (isClosing: boolean): void => {
      cancelDeadline();
      silent.delete(socket);
      if (silent.size === 0 && this.#silent.get(certificateName) === silent) this.#silent.delete(certificateName);
      if (isClosing) socket.terminate();
    };
    if (silent.size > silentMax) {
      const [oldest] = silent;
      silent.delete(oldest!);
      oldest!.terminate();
    }
    socket.listen({
      message: (bytes) => {
        leave(false);
        this.#heard(arrival, bytes);
      },
      closed: () => leave(false),
    });
  }

  close(): void {
    for (const sockets of this.#silent.values()) for (const socket of sockets) socket.terminate();
    for (const node of this.#gatherings.keys()) this.#drop(node);
  }

  #heard(arrival: Arrival, bytes: Uint8Array): void {
    const { judge, self, knocked, settings } = this.#options;
    const { certificateName } = arrival;
    const said = readHandshake(bytes, settings);
    if (typeof said === 'string') return this.#refuse(arrival, linkRefusals.badHello(certificateName, said));
    if (said.kind !== 'hello' && said.kind !== 'knock') {
      return this.#refuse(arrival, linkRefusals.badHello(certificateName, 'no hello'));
    }
    const refusal = judge(said.hello, certificateName);
    if (refusal !== null) return this.#refuse(arrival, refusal);
    const isOurs = said.kind === 'knock' ? self < said.hello.node : said.hello.node < self;
    if (!isOurs) return this.#refuse(arrival, linkRefusals.badHello(certificateName, 'it is not its turn to dial'));
    if (said.kind === 'hello') return this.#gather(arrival, said.hello);
    this.#part(arrival.socket);
    knocked(said.hello);
  }

  #gather(arrival: Arrival, hello: Hello): void {
    const { node, linkId, incarnation, lane } = hello;
    let gathering = this.#gatherings.get(node);
    if (gathering !== undefined && (gathering.linkId !== linkId || gathering.incarnation !== incarnation)) {
      this.#drop(node);
      gathering = undefined;
    }
    if (gathering === undefined) {
      const cancelDeadline = this.#options.clock.after(this.#options.settings.helloMsMax, () => this.#drop(node));
      gathering = { linkId, incarnation, lanes: new Map(), ready: new Set(), early: new Map(), cancelDeadline };
      this.#gatherings.set(node, gathering);
    }
    if (gathering.lanes.has(lane)) {
      this.#drop(node);
      return this.#refuse(arrival, linkRefusals.badHello(node, `a second ${lane} lane`));
    }
    const gathered = gathering;
    gathered.lanes.set(lane, { arrival, hello });
    arrival.socket.listen({
      message: (bytes) => this.#answered(gathered, node, lane, bytes),
      closed: () => this.#drop(node, gathered),
    });
    if (gathered.lanes.size < laneNames.length) return;
    for (const [name, { arrival: of }] of gathered.lanes) {
      of.socket.send(pack(encodeHandshake({ kind: 'hello', hello: this.#options.hello(name, linkId) })));
    }
  }

  /** Its answer to our hello; behind that, frames. */
  #answered(gathering: Gathering, node: NodeId, lane: Lane, bytes: Uint8Array): void {
    if (this.#gatherings.get(node) !== gathering) return;
    const { arrival } = gathering.lanes.get(lane)!;
    if (gathering.ready.has(lane)) {
      gathering.early.set(lane, [...(gathering.early.get(lane) ?? []), bytes]);
      return;
    }
    const said = readHandshake(bytes, this.#options.settings);
    if (typeof said !== 'string' && said.kind === 'refused') {
      this.#drop(node, gathering);
      return this.#options.refused(node, arrival.address, said.refusal, 'them');
    }
    if (typeof said === 'string' || said.kind !== 'ready' || gathering.lanes.size < laneNames.length) {
      this.#drop(node, gathering);
      return this.#options.refused(node, arrival.address, linkRefusals.badHello(node, 'not ready'), 'us');
    }
    gathering.ready.add(lane);
    // Frames may follow at once, while another lane is not ready: what the machine has read already is kept, no more is read.
    arrival.socket.pause();
    if (gathering.ready.size === laneNames.length) this.#complete(gathering, node);
  }

  #complete(gathering: Gathering, node: NodeId): void {
    gathering.cancelDeadline();
    this.#gatherings.delete(node);
    const { hello, arrival } = gathering.lanes.get('control')!;
    this.#options.linked({
      hello,
      sockets: byLane((lane) => gathering.lanes.get(lane)!.arrival.socket),
      early: byLane((lane) => gathering.early.get(lane) ?? []),
      address: arrival.address,
    });
  }

  /** @param only if it is still this one */
  #drop(node: NodeId, only?: Gathering): void {
    const gathering = this.#gatherings.get(node);
    if (gathering === undefined || (only !== undefined && only !== gathering)) return;
    gathering.cancelDeadline();
    this.#gatherings.delete(node);
    for (const { arrival } of gathering.lanes.values()) arrival.socket.terminate();
  }

  #refuse({ socket, certificateName, address }: Arrival, refusal: LinkRefusal): void {
    socket.send(pack(encodeHandshake({ kind: 'refused', refusal })));
    this.#part(socket);
    this.#options.refused(certificateName, address, refusal, 'us');
  }

  #part(socket: LaneSocket): void {
    void socket.end();
    this.#options.clock.after(this.#options.settings.farewellMsMax, () => socket.terminate());
  }
}
