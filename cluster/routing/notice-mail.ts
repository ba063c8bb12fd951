/**
 * Notices between nodes: the route that the engine hands its notices to (`runtime/actor/notice-route.ts`), over the channel
 * `notices`.
 *
 *     engine -- deliver --> NoticeMail ~ [notice, id, …] ~> NoticeMail -- receive --> engine of the target's leader
 *            <--- done -----           <~ [noticed, id, …]            <---- done ---
 *
 * Bodies are sent along only when the other end says that it lacks them: as a rule its copy of them came by the log.
 *
 * Promises: `done` is called once, also when the link is lost or nobody answers. 'applied' is told only when the leader of
 * the target said so of this very notice: an answer goes back over the link that brought the notice or not at all.
 * A notice is handed on once at most, by a third node where the straight way is cut.
 * Leaves to others: order, and trying again (the engine).
 */
import type { BodyAttachment } from '../../runtime/actor/actor.ts';
import type { NoticeOutcome, NoticeRoute, ReceivedNotice } from '../../runtime/actor/notice-route.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import { RottenRowError } from '../../runtime/codec/row.ts';
import { bodyHash } from '../../runtime/store/body-rows.ts';
import type { Frame, Transport } from '../mesh/transport.ts';
import { BodyAssembly } from './body-assembly.ts';
import { BodySending } from './body-sending.ts';
import { bodiesInMemory, bodiesInStore, noBodies, type OutgoingBodies, type StoredBodies } from './body-sources.ts';
import { frameRefused } from './codes.ts';
import { Fields } from './fields.ts';
import { type Ending, InFlight } from './in-flight.ts';
import { requireFitting, type ValueBounds } from './plain-size.ts';
import { Reach, type ReachOptions } from './reach.ts';
import { decodePiece, pieceKind, piecesDroppedKind } from './wire-bodies.ts';
import {
  decodeNotice,
  decodeNoticed,
  type Notice,
  type Noticed,
  noticedFrame,
  noticedKind,
  noticeFrame,
  noticeKind,
  type SentNotice,
} from './wire-notices.ts';

export interface NoticeMailOptions extends Omit<ReachOptions, 'isLinked'> {
  readonly self: NodeId;
  readonly transport: Transport;
  readonly clock: Clock;
  /** What one value in a frame may have, as `PeerCalls` has it. */
  readonly valueBounds: ValueBounds;
  /** Shards of actors and the cluster's own. */
  readonly shards: number;
  readonly serves: (shard: ShardId) => boolean;
  readonly bodies: StoredBodies;
  /** The engine's `receiveNotice`. */
  readonly receive: (notice: ReceivedNotice) => void;
  readonly reports: {
    refusedFrame(from: NodeId, error: unknown): void;
    /** A body that a notice names cannot be read here, or it cannot travel: the notice waits. */
    undeliverable(error: unknown): void;
  };
}

/** The engine has 16 of each pair of shards under way, and tries again what is refused. */
const underWayMax = 10_000;
/** The engine gives an answer up after 10 s; what comes later helps as well. */
const answerMsMax = 15_000;

export class NoticeMail implements NoticeRoute {
  readonly #o: NoticeMailOptions;
  readonly #reach: Reach;
  readonly #inFlight: InFlight<Noticed>;
  readonly #sending: BodySending;
  readonly #assembly: BodyAssembly;
  /** Peer -> notices of it that the engine has not answered; another object for each link. */
  readonly #links = new Map<NodeId, { receiving: number }>();

  constructor(options: NoticeMailOptions) {
    const { transport, clock, leaderOf, isAlive, linkedPeers } = options;
    this.#o = options;
    this.#reach = new Reach({ leaderOf, isAlive, linkedPeers, isLinked: (node) => transport.isLinked(node) });
    this.#inFlight = new InFlight({ clock, max: underWayMax, perPeerMax: underWayMax });
    this.#sending = new BodySending(transport, clock);
    this.#assembly = new BodyAssembly(clock);
    transport.listen({
      received: (from, _lane, frame) => this.#received(from, frame),
      linked: (peer) => this.#breakLink(peer),
      unlinked: (peer) => this.#breakLink(peer),
    });
  }

  get underWay(): number {
    return this.#inFlight.size;
  }

  deliver(target: ShardId, source: ShardId, seq: number, notice: Notice, done: (outcome: NoticeOutcome) => void): void {
    const { self } = this.#o;
    const leader = this.#reach.leaderOf(target);
    if (leader === null || leader === self) return done('notLeader');
    const to = this.#reach.isOpen(leader) ? leader : this.#reach.relayTo(leader, []);
    if (to === null) return done('notLeader');
    if (this.#fits(notice) === undefined) return done('failed');
    const of = { target, source, seq, notice };
    this.#send(to, to === leader ? null : leader, of, noBodies, (noticed) => {
      if (noticed === 'bodyNotHere') this.#sendWithBodies(to, to === leader ? null : leader, of, done);
      else done(noticed);
    });
  }

  /** Whoever waits is told that nobody knows. */
  stop(): void {
    this.#inFlight.stop();
    this.#sending.stop();
    this.#assembly.stop();
    this.#links.clear();
  }

  #breakLink(peer: NodeId): void {
    this.#links.delete(peer);
    this.#sending.unlinked(peer);
    this.#assembly.unlinked(peer);
    this.#inFlight.unlinked(peer);
  }

  // ---- sending ---------------------------------------------------------------------------------------------------

  #send(
    to: NodeId,
    onTo: NodeId | null,
    of: SentNotice,
    { sent, sources }: OutgoingBodies,
    done: (noticed: Noticed) => void,
  ): void {
    const { transport } = this.#o;
    const id = this.#inFlight.add(to, answerMsMax, (ending) => done(noticedOf(ending)));
    if (id === null) return done('failed');
    const sendNotice = (): void => transport.send(to, 'log', noticeFrame(id, onTo, of, sent));
    if (sources.length === 0) return sendNotice();
    const giveUp = (): void => {
      this.#inFlight.forget(id);
      done('failed');
    };
    const isQueued = this.#sending.send({
      ...{ to, id, bodies: sources, isWanted: () => this.#inFlight.isWaiting(id) },
      done: (isWhole) => (isWhole ? sendNotice() : giveUp()),
    });
    if (!isQueued) giveUp();
  }

  #sendWithBodies(to: NodeId, onTo: NodeId | null, of: SentNotice, done: (outcome: NoticeOutcome) => void): void {
    const bodies = this.#bodiesOf(of.notice);
    if (bodies === null) return done('failed');
    const once = (noticed: Noticed): void => done(noticed === 'bodyNotHere' ? 'failed' : noticed);
    this.#send(to, onTo, of, bodies, once);
  }

  /** Null: one of them cannot be read here now. */
  #bodiesOf({ bodies }: Notice): OutgoingBodies | null {
    const hashes = bodies.map(({ hash }) => hash);
    const stored: StoredBodies = {
      size: (hash) => this.#o.bodies.size(hash),
      // Read later as well, when nobody catches what it throws.
      read: (...piece) => this.#reading(() => this.#o.bodies.read(...piece)),
    };
    return this.#reading(() => bodiesInStore(hashes, stored)) ?? null;
  }

  /** Undefined: it would break the link. */
  #fits(notice: Notice): true | undefined {
    return this.#reading(() => {
      requireFitting(notice.notice, `the notice ${notice.notice.kind}`, this.#o.valueBounds);
      return true;
    });
  }

  #reading<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      // A rotten disk, or a notice that no link takes. It waits until that is mended, or another node leads its source.
      if (!(error instanceof RottenRowError) && !(error instanceof OperationError)) throw error;
      this.#o.reports.undeliverable(error);
      return undefined;
    }
  }

  // ---- receiving -------------------------------------------------------------------------------------------------

  #received(from: NodeId, frame: Frame): void {
    try {
      this.#take(from, new Fields(frame));
    } catch (error) {
      // A broken peer; anything else is a bug of this node and stops it (plan, P6).
      if (!(error instanceof OperationError)) throw error;
      this.#o.reports.refusedFrame(from, error);
    }
  }

  #take(from: NodeId, fields: Fields): void {
    const of = fields.count('kind');
    const id = fields.count('id');
    switch (of) {
      case noticeKind:
        return this.#takeNotice(from, id, fields);
      case noticedKind:
        this.#inFlight.answered(from, id, decodeNoticed(fields));
        return;
      case pieceKind:
        return this.#assembly.take(from, id, decodePiece(fields));
      case piecesDroppedKind:
        return this.#assembly.dropped(from, id);
      default:
        throw frameRefused(`a notice frame of kind ${of} is not known here`);
    }
  }

  #takeNotice(from: NodeId, id: number, fields: Fields): void {
    const { inline, staged, onTo, ...of } = decodeNotice(fields, this.#o.shards);
    const done = this.#answerTo(from, id);
    if (done === null) return;
    if (inline.some(({ hash, bytes }) => bodyHash(bytes) !== hash)) return done('failed');
    if (staged.length === 0) return this.#run(from, onTo, of, inline, done);
    this.#assembly.want(from, id, { bodies: staged, timeoutMs: answerMsMax }, (assembled) => {
      if ('code' in assembled) done('failed');
      else this.#run(from, onTo, of, [...inline, ...assembled], done);
    });
  }

  /** Null: it has too many under way here, and has been told so. */
  #answerTo(from: NodeId, id: number): ((noticed: Noticed) => void) | null {
    const { transport } = this.#o;
    let link = this.#links.get(from);
    if (link === undefined) this.#links.set(from, (link = { receiving: 0 }));
    const over = link;
    const answer = (noticed: Noticed): void => {
      if (this.#links.get(from) === over) transport.send(from, 'log', noticedFrame(id, noticed));
    };
    if (over.receiving >= underWayMax) {
      answer('failed');
      return null;
    }
    over.receiving++;
    return (noticed) => {
      over.receiving--;
      answer(noticed);
    };
  }

  #run(
    from: NodeId,
    onTo: NodeId | null,
    of: SentNotice,
    bodies: readonly BodyAttachment[],
    done: (noticed: Noticed) => void,
  ): void {
    const { serves, receive, self } = this.#o;
    if (onTo === null || serves(of.target)) return receive({ ...of, bodies, done });
    const isWay = (node: NodeId | null): node is NodeId =>
      node !== null && node !== self && node !== from && this.#reach.isOpen(node);
    const leader = [onTo, this.#reach.leaderOf(of.target)].find(isWay);
    if (leader === undefined) return done('notLeader');
    this.#send(leader, null, of, bodiesInMemory(bodies), done);
  }
}

function noticedOf(ending: Ending<Noticed>): Noticed {
  if (ending.kind === 'answered') return ending.value;
  return ending.kind === 'lost' ? 'notLeader' : 'failed';
}
