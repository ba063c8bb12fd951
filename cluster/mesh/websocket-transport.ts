/**
 * The port to the other nodes over WebSockets and mutual TLS: three sockets a pair (plan §13).
 *
 * Promises: those of `transport.ts`, and: the node with the smaller name dials; a link of a newer life of the peer, or a
 * newer one of the same, takes the place of the old one (`unlinked`, then `linked`); a peer that sends what cannot be,
 * does not read, or is silent on a lane loses its link and nothing else; after `close` nobody is called any more.
 * Leaves to others: who the peers are and where (`peersAre`), what `ws` does (`lane-socket.ts`), hints of addresses
 * (`../gossip/`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { type NodeId, randomText } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { Logger } from '../../runtime/observe/logger.ts';
import type { NodeRecord } from '../metadata/protocol.ts';
import { Accepting } from './accepting.ts';
import type { Place } from './addresses.ts';
import type { LinkRefusal } from './codes.ts';
import { DialAttempt, type DialOutcome } from './dial-attempt.ts';
import { Dialler } from './dialler.ts';
import { Door, type Join } from './door.ts';
import { type Hello, judgeHello, ownFeatures, ownProtocol, type SelfFacts } from './hello.ts';
import { type LaneCounts, noCounts } from './lane.ts';
import { byLane, type ByLane, type Greeted, laneNames, Link } from './link.ts';
import { failureOf, type LinkView, viewOf } from './link-view.ts';
import { Peer, type PeerPlaces } from './peer.ts';
import { probe } from './probe.ts';
import { type PeerRefusal, RefusalBook } from './refusal-book.ts';
import { type MeshSettings, meshSettings } from './settings.ts';
import { clientContext, type MeshIdentity } from './tls.ts';
import { Told } from './told.ts';
import type { Frame, Lane, Transport, TransportEvents } from './transport.ts';

export interface WebSocketTransportOptions {
  /** Asked anew for each hello; the name never changes. Marks may be more than a hello tells. */
  own(): SelfFacts;
  /** Asked at the start and after `identityChanged`. */
  identity(): MeshIdentity;
  /** None: others cannot dial this node. */
  readonly listen: readonly Place[];
  /** The node in the committed map, as this node has it; null: not there. */
  known(node: NodeId): Pick<NodeRecord, 'state' | 'started'> | null;
  /** Null: nobody can join here now. */
  join?(): Join | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  /** Each refusal, by whoever it is: a node that hears `nodeRemoved` of others should look at its map. */
  refused?(refusal: PeerRefusal): void;
  readonly settings?: Partial<MeshSettings>;
}

export interface MeshStats {
  readonly lanes: ByLane<Readonly<LaneCounts>>;
  /** That stand now. */
  readonly links: number;
  readonly linksMade: number;
  readonly linksBroken: number;
  readonly refusals: number;
}

/** Lives of peers that are remembered. */
const seenMax = 256;

export class WebSocketTransport implements Transport {
  readonly #options: WebSocketTransportOptions;
  readonly #settings: MeshSettings;
  readonly #self: NodeId;
  readonly #door: Door;
  readonly #accepting: Accepting;
  readonly #told: Told;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #seen = new Map<NodeId, { readonly incarnation: number; readonly mark: Hello['marks'][number] | null }>();
  readonly #refusals: RefusalBook;
  readonly #counts = byLane(noCounts);
  #context: ReturnType<typeof clientContext> | null = null;
  #isClosed = false;
  #cancelLook: () => void;
  #linksMade = 0;
  #linksBroken = 0;

  constructor(options: WebSocketTransportOptions) {
    this.#options = options;
    this.#settings = { ...meshSettings, ...options.settings };
    this.#self = options.own().node;
    this.#told = new Told(options.clock);
    this.#refusals = new RefusalBook(this.#settings.refusalLogMs);
    this.#accepting = new Accepting({
      self: this.#self,
      settings: this.#settings,
      clock: options.clock,
      hello: (lane, linkId) => this.#hello(lane, linkId),
      judge: (hello, certificateName) => this.#judge(hello, certificateName),
      linked: (greeted) => this.#linked(greeted),
      knocked: (hello) => this.#knocked(hello),
      refused: (node, address, refusal, by) => this.#refused(node, address, refusal, by),
    });
    this.#door = new Door({
      listen: options.listen,
      settings: this.#settings,
      identity: options.identity,
      join: () => (this.#isClosed ? null : (options.join?.() ?? null)),
      accepted: (lane, name, address) => {
        if (this.#isClosed) lane.terminate();
        else this.#accepting.take(lane, name, address);
      },
      refused: (address, refusal) => this.#refused(address, address, refusal, 'us'),
      bug: (what, err) => options.log.error({ err }, `${what} failed`),
    });
    this.#cancelLook = options.clock.after(this.#settings.lookMs, () => this.#look());
  }

  /** @returns where it listens, in the order asked for @throws {OperationError} `meshListenFailed`; dialling goes on */
  open(): Promise<readonly Place[]> {
    return this.#door.open();
  }

  /** What was sent leaves, if the peers take it soon. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#told.stop();
    this.#cancelLook();
    this.#door.close();
    this.#accepting.close();
    const links = [...this.#peers.values()].flatMap(({ link }) => (link === null ? [] : [link]));
    for (const { dialler } of this.#peers.values()) dialler.stop();
    this.#peers.clear();
    let cancel = (): void => {};
    const longEnough = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(this.#settings.farewellMsMax, resolve);
    });
    await Promise.race([Promise.all(links.map((link) => link.end())), longEnough]);
    cancel();
    for (const link of links) link.terminate();
  }

  /** A new certificate: for new links. */
  identityChanged(): void {
    this.#context = null;
    if (!this.#isClosed) this.#door.identityChanged();
  }

  /** Whom to keep links with, all of them. One that was in the list before and is not any more is cut. */
  peersAre(places: readonly PeerPlaces[]): void {
    if (this.#isClosed) return;
    const listed = new Map(places.filter(({ node }) => node !== this.#self).map((place) => [place.node, place]));
    for (const peer of this.#peers.values()) {
      const isRemoved = this.#options.known(peer.node)?.state === 'removed';
      if (!listed.has(peer.node) && (peer.isListed || isRemoved)) this.#cut(peer, 'it is no peer any more');
    }
    for (const place of listed.values()) {
      const peer = this.#peer(place.node);
      const isNews = peer.placesAre(place);
      peer.isListed = true;
      if (peer.link !== null) continue;
      if (isNews) peer.dialler.hurry();
      peer.dialler.start();
    }
  }

  listen(events: TransportEvents): void {
    this.#told.listen(events);
  }

  send(to: NodeId, lane: Lane, frame: Frame): void {
    this.#peers.get(to)?.link?.send(lane, frame);
  }

  isLinked(peer: NodeId): boolean {
    return this.#linkOf(peer) !== null;
  }

  bytesInFlight(peer: NodeId, lane: Lane): number {
    return this.#linkOf(peer)?.bytesInFlight(lane) ?? 0;
  }

  /** What a linked peer said of itself. */
  helloOf(peer: NodeId): Hello | null {
    return this.#linkOf(peer)?.hello ?? null;
  }

  links(): LinkView[] {
    return [...this.#peers.values()].map((peer) => viewOf(peer, this.#refusals.lastOf(peer.node)));
  }

  /** Of nodes and strangers, newest last. */
  refusals(): PeerRefusal[] {
    return this.#refusals.list();
  }

  stats(): MeshStats {
    return {
      lanes: this.#counts,
      links: [...this.#peers.values()].filter(({ link }) => link !== null).length,
      linksMade: this.#linksMade,
      linksBroken: this.#linksBroken,
      refusals: this.#refusals.total,
    };
  }

  #linkOf(peer: NodeId): Link | null {
    return this.#peers.get(peer)?.link ?? null;
  }

  #peer(node: NodeId): Peer {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    const peer = new Peer(node, (made) => this.#diallerOf(made));
    this.#peers.set(node, peer);
    return peer;
  }

  #diallerOf(peer: Peer): Dialler {
    const { clock, random } = this.#options;
    const { node } = peer;
    return new Dialler({
      dials: this.#self < node,
      settings: this.#settings,
      clock,
      random,
      addresses: () => peer.addresses(),
      elsewhere: () => peer.elsewhere(),
      attempt: (address, isKnock, done) => this.#attempt(peer, address, isKnock, done),
      probe: (address, done) => probe(address, clock, this.#settings.probeMsMax, done),
      linked: ({ greeted }) => this.#linked(greeted),
      nobodyListens: () => this.#told.tell((events) => events.linkRefused?.(node)),
      failed: (address, outcome) => this.#failed(peer, address, outcome),
    });
  }

  #attempt(peer: Peer, address: string, isKnock: boolean, done: (outcome: DialOutcome) => void): DialAttempt {
    const linkId = randomText(this.#options.random, 16);
    const options = {
      peer: peer.node,
      address,
      context: (this.#context ??= clientContext(this.#options.identity())),
      settings: this.#settings,
      clock: this.#options.clock,
      hello: (lane: Lane) => this.#hello(lane, linkId),
      judge: (hello: Hello, name: string) => this.#judge(hello, name),
      done,
    };
    return new DialAttempt(options, isKnock);
  }

  #hello(lane: Lane, linkId: string): Hello {
    const own = this.#options.own();
    invariant(own.node === this.#self, 'a node keeps its name');
    const marks = own.marks.slice(0, this.#settings.helloMarksMax);
    return { ...own, marks, protocol: ownProtocol, features: ownFeatures, linkId, lane };
  }

  #judge(hello: Hello, certificateName: string): LinkRefusal | null {
    const { own, known } = this.#options;
    const seen = this.#seen.get(hello.node) ?? null;
    const facts = { ...own(), protocol: ownProtocol };
    return judgeHello(facts, hello, { certificateName, record: known(hello.node), seen });
  }

  #failed(peer: Peer, address: string, outcome: DialOutcome): void {
    // Others are expected where it only may be.
    const isOther = outcome.kind === 'refused' && outcome.refusal.code === 'wrongName';
    const isExpected = isOther && !peer.addresses().includes(address);
    if (outcome.kind === 'refused' && !isExpected) this.#refused(peer.node, address, outcome.refusal, outcome.by);
    peer.lastFailure = failureOf(address, outcome);
    this.#options.log.debug({ peer: peer.node }, `no link with ${peer.node}: ${peer.lastFailure}`);
    if (!peer.isListed) this.#forgetGuest(peer);
  }

  #refused(of: string, address: string, refusal: LinkRefusal, by: PeerRefusal['by']): void {
    if (this.#isClosed) return;
    const { clock, log, refused } = this.#options;
    if (this.#refusals.note(of, refusal, by, clock.nowMs())) {
      const said = by === 'us' ? 'refused a link with' : 'was refused by';
      log.warn({ peer: of, address, code: refusal.code }, `${said} ${of}: ${refusal.text}`);
    }
    refused?.(this.#refusals.lastOf(of)!);
  }

  #linked(greeted: Greeted): void {
    const { hello } = greeted;
    const { clock, log } = this.#options;
    if (!this.#mayCome(hello.node)) {
      for (const lane of laneNames) greeted.sockets[lane].terminate();
      return;
    }
    const peer = this.#peer(hello.node);
    const old = peer.link;
    if (old !== null) {
      peer.link = null;
      old.terminate();
      this.#unlinked(peer, old, 'it has made a newer one');
    }
    peer.dialler.stop();
    const link = new Link(greeted, this.#settings, this.#counts, clock, {
      received: (lane, frame) => this.#told.received(peer.node, lane, frame),
      broke: (reason) => this.#broke(peer, link, reason),
    });
    peer.link = link;
    peer.lastFailure = null;
    peer.saidAddress(hello.address);
    this.#remember(hello);
    this.#refusals.forget(peer.node);
    this.#linksMade++;
    log.info({ peer: peer.node, address: greeted.address }, `linked with ${peer.node}`);
    this.#told.tell((events) => events.linked(peer.node));
    link.open();
  }

  /** Guests have a bound; nodes of the list do not count. */
  #mayCome(node: NodeId): boolean {
    if (this.#isClosed) return false;
    if (this.#peers.has(node)) return true;
    const guests = [...this.#peers.values()].filter(({ isListed }) => !isListed).length;
    return guests < this.#settings.guestsMax;
  }

  #remember({ node, incarnation, marks }: Hello): void {
    this.#seen.delete(node);
    this.#seen.set(node, { incarnation, mark: marks[0] ?? null });
    if (this.#seen.size > seenMax) this.#seen.delete(this.#seen.keys().next().value!);
  }

  /** It waits to be dialled and cannot dial itself. */
  #knocked({ node, address }: Hello): void {
    if (!this.#mayCome(node)) return;
    const peer = this.#peer(node);
    const isNews = peer.saidAddress(address);
    if (peer.link !== null) return;
    if (isNews) peer.dialler.hurry();
    peer.dialler.start();
  }

  #broke(peer: Peer, link: Link, reason: string): void {
    if (peer.link !== link) return;
    peer.link = null;
    this.#unlinked(peer, link, reason);
    if (peer.isListed) peer.dialler.lost(link.stoodMs());
    else this.#forgetGuest(peer);
  }

  #unlinked(peer: Peer, link: Link, reason: string): void {
    this.#linksBroken++;
    peer.lastFailure = reason;
    const { log } = this.#options;
    log.warn({ peer: peer.node, address: link.address }, `the link with ${peer.node} is gone: ${reason}`);
    this.#told.tell((events) => events.unlinked(peer.node));
  }

  /** It comes again, or is listed. */
  #forgetGuest(peer: Peer): void {
    peer.dialler.stop();
    if (this.#peers.get(peer.node) === peer && peer.link === null) this.#peers.delete(peer.node);
  }

  #cut(peer: Peer, reason: string): void {
    const { link } = peer;
    peer.dialler.stop();
    peer.isListed = false;
    peer.link = null;
    this.#peers.delete(peer.node);
    if (link === null) return;
    link.terminate();
    this.#unlinked(peer, link, reason);
  }

  #look(): void {
    this.#cancelLook = this.#options.clock.after(this.#settings.lookMs, () => this.#look());
    for (const { link } of this.#peers.values()) link?.look();
  }
}
