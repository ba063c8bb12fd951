/**
 * Calls between two nodes, over the channel `calls`: what is asked, what is answered, what is told.
 *
 *     router, remote reads, hints  -- open, send -->  PeerCalls  ~ ~ [kind, id, …] ~ ~>  PeerCalls  -- serve -->  the same
 *                                  <-- ended ------             <~ ~ [answer, id, …] ~ ~            <-- reply ---
 *
 * Promises: a call ends once (`in-flight.ts`). An answer goes back over the link that brought its call or not at all: the
 * asker may have started anew since, and counts from 1 again. A peer that is broken is refused by name, and what it may
 * have going on here is bounded.
 * Leaves to others: whom to ask, and asking again.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { errorData, OperationError } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Limits } from '../../runtime/base/limits.ts';
import type { Frame, Lane, Transport } from '../mesh/transport.ts';
import { BodyAssembly } from './body-assembly.ts';
import { BodySending } from './body-sending.ts';
import { callsBusy, frameRefused } from './codes.ts';
import { Fields } from './fields.ts';
import { type Ending, InFlight } from './in-flight.ts';
import { requireFitting, type ValueBounds } from './plain-size.ts';
import { answerFrame, decodeAnswer, decodeRefusal, kind, type PeerAnswer } from './wire.ts';
import { decodePiece } from './wire-bodies.ts';

/**
 * `callsInFlightMax`: without an answer, of all peers together and of one; the same number may be served for one peer.
 * `frameBytesMax`, `frameDepthMax`: what would break a link.
 */
export type CallLimits = Pick<Limits, 'callsInFlightMax' | 'frameBytesMax' | 'frameDepthMax'>;

export interface CallReports {
  /** A peer sent what cannot be. */
  refusedFrame(from: NodeId, error: unknown): void;
}

export interface PeerCallsOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly limits: CallLimits;
  readonly reports: CallReports;
}

export interface ReceivedCall {
  readonly from: NodeId;
  readonly id: number;
  readonly fields: Fields;
  /** Called once, at once or later. */
  readonly reply: (answer: PeerAnswer, lane?: Lane) => void;
}

/** May throw an `OperationError` instead of replying. */
export type Serve = (call: ReceivedCall) => void;

/** Of a frame, for what is in it beside one value. */
const roomBytes = 2 * 1024 * 1024;
/** Message, channel, frame, and one list in it. */
const roomDepth = 4;

export class PeerCalls {
  readonly sending: BodySending;
  readonly assembly: BodyAssembly;
  /** What one value in a frame may have. */
  readonly valueBounds: ValueBounds;
  readonly #o: PeerCallsOptions;
  readonly #inFlight: InFlight<PeerAnswer>;
  readonly #serves = new Map<number, Serve>();
  readonly #told = new Map<number, (from: NodeId, fields: Fields) => void>();
  readonly #linked: ((peer: NodeId) => void)[] = [];
  /** Peer -> what is being served for it over this link; another object for each link. */
  readonly #links = new Map<NodeId, { serving: number }>();
  #beforeAnswer: () => void = () => undefined;
  #isStopped = false;

  constructor(options: PeerCallsOptions) {
    const { transport, clock, limits } = options;
    this.#o = options;
    this.valueBounds = { bytesMax: limits.frameBytesMax - roomBytes, depthMax: limits.frameDepthMax - roomDepth };
    this.sending = new BodySending(transport, clock);
    this.assembly = new BodyAssembly(clock);
    this.#inFlight = new InFlight({ clock, max: limits.callsInFlightMax, perPeerMax: limits.callsInFlightMax });
    transport.listen({
      received: (from, _lane, frame) => this.#received(from, frame),
      linked: (peer) => {
        this.#breakLink(peer);
        for (const tell of this.#linked) tell(peer);
      },
      unlinked: (peer) => this.#breakLink(peer),
    });
  }

  /** Calls without an answer. */
  get size(): number {
    return this.#inFlight.size;
  }

  isLinked(peer: NodeId): boolean {
    return this.#o.transport.isLinked(peer);
  }

  /** One for each kind of call, said before the first frame. */
  serve(of: number, serve: Serve): void {
    this.#serves.set(of, serve);
  }

  onTold(of: number, told: (from: NodeId, fields: Fields) => void): void {
    this.#told.set(of, told);
  }

  /** Calls that were under way have ended when it is told. */
  onLinked(tell: (peer: NodeId) => void): void {
    this.#linked.push(tell);
  }

  /** Right before each answer leaves: what has to be told first. */
  beforeAnswer(tell: () => void): void {
    this.#beforeAnswer = tell;
  }

  /** @returns the id that its frame carries; null: too many wait already */
  open(to: NodeId, timeoutMs: number, end: (ending: Ending<PeerAnswer>) => void): number | null {
    return this.#isStopped ? null : this.#inFlight.add(to, timeoutMs, end);
  }

  isOpen(id: number): boolean {
    return this.#inFlight.isWaiting(id);
  }

  /** Nobody waits for it any more. */
  forget(id: number): void {
    this.#inFlight.forget(id);
  }

  send(to: NodeId, lane: Lane, frame: Frame): void {
    if (!this.#isStopped) this.#o.transport.send(to, lane, frame);
  }

  /** A call in one: `ended` is told `lost` at once when there are too many. */
  call(
    to: NodeId,
    of: number,
    fields: readonly unknown[],
    timeoutMs: number,
    ended: (ending: Ending<PeerAnswer>) => void,
  ): void {
    const id = this.open(to, timeoutMs, ended);
    if (id === null) return ended({ kind: 'lost' });
    this.send(to, 'log', [of, id, ...fields]);
  }

  stop(): void {
    this.#isStopped = true;
    this.#inFlight.stop();
    this.sending.stop();
    this.assembly.stop();
    this.#links.clear();
  }

  #breakLink(peer: NodeId): void {
    this.#links.delete(peer);
    this.sending.unlinked(peer);
    this.assembly.unlinked(peer);
    this.#inFlight.unlinked(peer);
  }

  #received(from: NodeId, frame: Frame): void {
    if (this.#isStopped) return;
    try {
      this.#take(from, frame);
    } catch (error) {
      // A broken peer; anything else is a bug of this node and stops it (plan, P6).
      if (!(error instanceof OperationError)) throw error;
      this.#o.reports.refusedFrame(from, error);
    }
  }

  #take(from: NodeId, frame: Frame): void {
    const fields = new Fields(frame);
    const of = fields.count('kind');
    if (of === kind.answer || of === kind.refusal) {
      const id = fields.count('id');
      const answer = of === kind.answer ? decodeAnswer(fields) : decodeRefusal(fields);
      this.#inFlight.answered(from, id, answer);
      return;
    }
    const told = this.#told.get(of);
    if (told !== undefined) return told(from, fields);
    const id = fields.count('id');
    if (of === kind.piece) return this.assembly.take(from, id, decodePiece(fields));
    if (of === kind.piecesDropped) return this.assembly.dropped(from, id);
    const serve = this.#serves.get(of);
    if (serve === undefined) throw frameRefused(`a call of kind ${of} is not known here`);
    this.#serve(from, id, fields, serve);
  }

  #serve(from: NodeId, id: number, fields: Fields, serve: Serve): void {
    let link = this.#links.get(from);
    if (link === undefined) this.#links.set(from, (link = { serving: 0 }));
    const over = link;
    const reply = (answer: PeerAnswer, lane: Lane = 'log'): void => {
      over.serving--;
      if (this.#links.get(from) !== over) return;
      this.#beforeAnswer();
      this.send(from, lane, answerFrame(id, this.#fitting(answer)));
    };
    over.serving++;
    if (over.serving > this.#o.limits.callsInFlightMax) return reply(refusal(callsBusy()));
    try {
      serve({ from, id, fields, reply });
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      // The asker hears it as well: he would wait to his deadline for what never comes.
      reply(refusal(error));
      if (error.code === 'frameRefused') this.#o.reports.refusedFrame(from, error);
    }
  }

  /** An answer that would break the link is refused instead. */
  #fitting(answer: PeerAnswer): PeerAnswer {
    if (!answer.outcome.ok) return answer;
    try {
      requireFitting(answer.outcome.answer, 'the answer', this.valueBounds);
      return answer;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      return refusal(error);
    }
  }
}

/** Of a call that was not begun. */
export function refusal(error: unknown): PeerAnswer {
  return { outcome: { ok: false, error: errorData(error) }, hint: null, doubt: 'none' };
}
