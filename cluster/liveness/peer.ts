/**
 * One other member, as this node sees it: whether it answers, what it claims, whether it should lead.
 *
 * Promises: alive means that it answers *my* pings, so both directions work; news from a third node changes nothing.
 * Proof of life is dated by when the answered ping was *sent*: an answer out of a clogged socket proves little.
 */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import { PeerClaims } from './claims.ts';
import type { SenderFacts } from './protocol.ts';
import type { LivenessSettings } from './settings.ts';

/** `unknown`: not heard yet and not silent for long enough. */
export type PeerStatus = 'unknown' | 'alive' | 'suspect';

interface SentPing {
  readonly seq: number;
  /** Own time. */
  readonly atMs: number;
  /** By the monotonic clock. */
  readonly clockMs: number;
}

export class Peer {
  readonly node: NodeId;
  readonly claims = new PeerClaims();
  readonly #settings: LivenessSettings;
  status: PeerStatus = 'unknown';
  /** Null: never heard. */
  incarnation: number | null = null;
  /** New lives that were met after the first. */
  restarts = 0;
  /** The version of this node's claims that the peer holds. */
  heldVersion = 0;
  /** Its wall clock less our monotonic one; null: not measured. */
  wallAheadMs: number | null = null;
  /** Set while it says, or shows, that it should lead nothing. */
  unfitSinceMs: number | null = null;
  /** It had its time to hand over: what it claims does not count any more. */
  isGivenUp = false;
  /** A verdict on some group waits for its next answer. */
  isAwaited = false;

  #sentSeq = 0;
  #answeredSeq = 0;
  #waiting: SentPing[] = [];
  #provenMs: number | null = null;
  #silentSinceMs: number | null = null;

  #saidSeq = 0;
  #saidVersion = 0;
  #shownSeq = 0;

  #flaps = 0;
  #steadySinceMs: number | null = null;
  #aliveSinceMs = 0;

  constructor(node: NodeId, settings: LivenessSettings) {
    this.node = node;
    this.#settings = settings;
  }

  /** Of the last ping that was sent to it. */
  get sentSeq(): number {
    return this.#sentSeq;
  }

  /** The newest ping whose answer spoke of claims that are held here: what they lack, it did not claim by then. */
  get shownSeq(): number {
    return this.#shownSeq;
  }

  get isAlive(): boolean {
    return this.status === 'alive';
  }

  /** It may win a campaign. */
  get isCandidate(): boolean {
    return this.isAlive && this.unfitSinceMs === null;
  }

  /** What it claims counts. */
  get isHeard(): boolean {
    return this.isAlive && !this.isGivenUp;
  }

  /** Hears it at all: then it is worth telling it news. */
  get answers(): boolean {
    return this.status !== 'suspect' || this.#steadySinceMs !== null;
  }

  get isDoubtful(): boolean {
    return this.#silentSinceMs !== null;
  }

  /** When it has been silent for too long, in own time; null: it is not silent, or is suspect already. */
  get suspectAtMs(): number | null {
    if (this.status === 'suspect' || this.#silentSinceMs === null) return null;
    return this.#silentSinceMs + this.#settings.silenceMs;
  }

  isSilent(ownMs: number): boolean {
    return this.#silentSinceMs !== null && ownMs - this.#silentSinceMs >= this.#settings.silenceMs;
  }

  /** @returns the number of the ping */
  pinged(ownMs: number, clockMs: number): number {
    const seq = ++this.#sentSeq;
    this.#waiting.push({ seq, atMs: ownMs, clockMs });
    // The age of the first one is kept apart, so that forgetting it makes nobody younger.
    if (this.#waiting.length > this.#settings.pingsWaitingMax) this.#waiting.shift();
    // Random probes leave long pauses: silence counts from one round before the ping that waits.
    this.#silentSinceMs ??= Math.max(ownMs - this.#settings.pingEveryMs, this.#provenMs ?? ownMs);
    return seq;
  }

  /** @returns the answered ping, or null when it is not waited for */
  answered(seq: number): SentPing | null {
    if (seq <= this.#answeredSeq || seq > this.#sentSeq) return null;
    const sent = this.#waiting.find((ping) => ping.seq === seq) ?? null;
    this.#answeredSeq = seq;
    this.#waiting = this.#waiting.filter((ping) => ping.seq > seq);
    if (sent === null) return null;
    this.#provenMs = sent.atMs;
    const next = this.#waiting[0];
    this.#silentSinceMs = next === undefined ? null : Math.max(next.atMs - this.#settings.pingEveryMs, this.#provenMs);
    return sent;
  }

  /** An answer to a ping of `sentMs` has come. @returns whether the peer is alive from now on, and was not before */
  proveLife(sentMs: number, ownMs: number): boolean {
    if (this.status === 'alive') return false;
    if (ownMs - sentMs >= this.#settings.silenceMs) return false;
    this.#steadySinceMs ??= ownMs;
    if (ownMs - this.#steadySinceMs < this.#steadyMs()) return false;
    this.status = 'alive';
    this.#aliveSinceMs = ownMs;
    this.#steadySinceMs = null;
    return true;
  }

  /** @returns whether it was not suspect before */
  suspect(ownMs: number): boolean {
    this.#steadySinceMs = null;
    if (this.status === 'suspect') return false;
    if (this.status === 'alive') {
      if (ownMs - this.#aliveSinceMs >= this.#settings.flapsForgottenMs) this.#flaps = 0;
      this.#flaps++;
    }
    this.status = 'suspect';
    return true;
  }

  /** The link is gone, or a suspect one fell silent again: its answers begin anew. */
  unsteady(): void {
    this.#steadySinceMs = null;
  }

  /** @returns the groups whose claims went with its former life; null: the frame is of an older life */
  meet(incarnation: number): ShardId[] | null {
    if (incarnation === this.incarnation) return [];
    if (this.incarnation !== null && incarnation < this.incarnation) return null;
    if (this.incarnation !== null) this.restarts++;
    this.incarnation = incarnation;
    this.heldVersion = 0;
    this.wallAheadMs = null;
    this.#saidSeq = 0;
    this.#saidVersion = 0;
    this.#shownSeq = 0;
    // A fresh start is no flap.
    this.#flaps = 0;
    this.#steadySinceMs = null;
    return this.claims.restarted();
  }

  /** An answer to ping `seq` spoke of claims of `version`. */
  said(seq: number, version: number): void {
    this.#saidSeq = seq;
    this.#saidVersion = version;
    this.shows();
  }

  /** Its claims are newer here, or it spoke of them again. */
  shows(): void {
    const { version } = this.claims;
    if (version !== null && version >= this.#saidVersion) this.#shownSeq = this.#saidSeq;
  }

  /** @returns whether it is fit and was not, or the other way round */
  judgeFitness(facts: SenderFacts, ownMs: number): boolean {
    const { stallMs } = this.#settings;
    const isFit = facts.isFit && facts.commitMs < stallMs && facts.turnMs < stallMs;
    if (isFit === (this.unfitSinceMs === null)) return false;
    this.unfitSinceMs = isFit ? null : ownMs;
    if (isFit) this.isGivenUp = false;
    return true;
  }

  #steadyMs(): number {
    if (this.#flaps === 0) return 0;
    return Math.min(this.#settings.steadyMsMin * 2 ** (this.#flaps - 1), this.#settings.steadyMsMax);
  }
}
