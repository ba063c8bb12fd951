/**
 * The failure detector: pings, answers, suspicion, and what comes with them (claims, fitness, clocks).
 *
 * Promises: a peer that answers within `silenceMs` in own time is never suspected, unless its link is gone and a new one
 * is refused; one that does not is suspect `silenceMs` after the last ping that it answered was sent.
 * Leaves to others: what a change means for groups (`campaign.ts`, told by `DetectorEvents`).
 */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { OwnClaims } from './claims.ts';
import { decodeFrame } from './decode.ts';
import { Fitness } from './fitness.ts';
import { OwnTime } from './own-time.ts';
import { Peer } from './peer.ts';
import { Probing } from './probing.ts';
import type { LivenessEffect, LivenessEvent, Ping, PingAnswer, SenderFacts } from './protocol.ts';
import type { LivenessSettings } from './settings.ts';

export interface DetectorEvents {
  /** Alive, suspect, fit, unfit, given up, or another life: what rests on the peer is to be judged again. */
  changed(peer: Peer, formerClaims: Iterable<ShardId>): void;
  claimsChanged(groups: readonly ShardId[]): void;
  /** A verdict that waited for this peer's next answer may be given now. */
  answered(peer: Peer): void;
}

/** When an event is handled. */
export interface Moment {
  /** Own time. */
  readonly ownMs: number;
  /** The monotonic clock. */
  readonly clockMs: number;
}

type TimeEvent = Extract<LivenessEvent, { kind: 'time' }>;

export interface DetectorParts {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly settings: LivenessSettings;
  readonly random: Random;
  readonly events: DetectorEvents;
}

export class Detector {
  readonly peers = new Map<NodeId, Peer>();
  readonly claims: OwnClaims;
  readonly fitness: Fitness;
  readonly #time: OwnTime;
  readonly #parts: DetectorParts;
  readonly #settings: LivenessSettings;
  readonly #probing: Probing;
  #nextPingMs = 0;
  #claimsAtMs: number | null = null;
  #toldVersion = 0;
  #wallAheadMs = 0;

  constructor(parts: DetectorParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.claims = new OwnClaims(parts.settings.claimChangesMax);
    this.fitness = new Fitness(parts.settings);
    this.#time = new OwnTime(parts.settings);
    this.#probing = new Probing(parts.settings, parts.random);
  }

  /** Whole milliseconds, so that a deadline that was slept for has come, whatever fractions add up to. */
  moment(nowMs: number): Moment {
    const clockMs = Math.floor(nowMs);
    return { ownMs: this.#time.advance(clockMs), clockMs };
  }

  /** By the clock. */
  clockOf(ownMs: number): number {
    return ownMs + this.#time.lostMs;
  }

  /** When it wants `time`, in own time; null: there is nobody to ping. */
  get wakeAtMs(): number | null {
    if (this.peers.size === 0) return null;
    let atMs = Math.min(this.#nextPingMs, this.#claimsAtMs ?? this.#nextPingMs);
    for (const peer of this.peers.values()) atMs = Math.min(atMs, peer.suspectAtMs ?? atMs);
    return atMs;
  }

  members(nodes: readonly NodeId[], out: LivenessEffect[]): void {
    const members = new Set(nodes);
    members.delete(this.#parts.self);
    for (const [node, peer] of this.peers) {
      if (members.has(node)) continue;
      this.peers.delete(node);
      if (peer.isAlive) out.push({ kind: 'alive', node, isAlive: false });
      peer.status = 'suspect';
      this.#parts.events.changed(peer, []);
    }
    for (const node of members) {
      if (!this.peers.has(node)) this.peers.set(node, new Peer(node, this.#settings));
    }
  }

  linked(node: NodeId, now: Moment, out: LivenessEffect[]): void {
    const peer = this.peers.get(node);
    if (peer === undefined) return;
    // Not at the next round: a node that comes back is to be known at once.
    this.#ping(peer, now, out);
  }

  unlinked(node: NodeId): void {
    this.peers.get(node)?.unsteady();
  }

  /** The fast path: the process is gone, its machine says so. A refused second link beside a good one is not told. */
  linkRefused(node: NodeId, now: Moment, out: LivenessEffect[]): void {
    const peer = this.peers.get(node);
    if (peer !== undefined) this.#suspect(peer, now, out);
  }

  received(from: NodeId, frame: unknown, now: Moment, out: LivenessEffect[]): void {
    const peer = this.peers.get(from);
    if (peer === undefined) {
      out.push({ kind: 'refused', node: from, reason: 'not a member' });
      return;
    }
    const decoded = decodeFrame(frame, this.#settings.groupsMax);
    if (typeof decoded === 'string') {
      out.push({ kind: 'refused', node: from, reason: decoded });
      return;
    }
    if (!this.#meet(peer, decoded, out)) return;
    this.#judgeFitness(peer, decoded, now, out);
    if (decoded.kind === 'ping') this.#answer(peer, decoded, now, out);
    else this.#takeAnswer(peer, decoded, now, out);
  }

  time(event: TimeEvent, now: Moment, out: LivenessEffect[]): void {
    this.#wallAheadMs = event.wallMs - now.clockMs;
    this.#judgeSelf(event, now, out);
    for (const peer of this.peers.values()) this.#judge(peer, now, out);
    if (now.ownMs >= this.#nextPingMs) {
      this.#nextPingMs += this.#settings.pingEveryMs;
      if (this.#nextPingMs <= now.ownMs) this.#nextPingMs = now.ownMs + this.#settings.pingEveryMs;
      for (const peer of this.#probing.round(this.peers, this.claims.version)) this.#ping(peer, now, out);
      this.#claimsAtMs = null;
    } else if (this.#claimsAtMs !== null && now.ownMs >= this.#claimsAtMs) {
      this.#claimsAtMs = null;
      for (const peer of this.peers.values()) {
        if (peer.answers && peer.heldVersion !== this.claims.version) this.#ping(peer, now, out);
      }
    }
  }

  /** Own claims may have changed: the others are to hear of it soon. */
  tellClaims(now: Moment): void {
    if (this.claims.version === this.#toldVersion) return;
    this.#toldVersion = this.claims.version;
    this.#claimsAtMs ??= now.ownMs + this.#settings.claimsSoonMs;
  }

  #ping(peer: Peer, now: Moment, out: LivenessEffect[]): void {
    const seq = peer.pinged(now.ownMs, now.clockMs);
    // A long list for one who hears nothing would only fill its socket.
    const news = peer.answers ? this.claims.newsSince(peer.heldVersion) : null;
    out.push({ kind: 'send', to: peer.node, frame: { kind: 'ping', ...this.#facts(now), seq, news } });
  }

  #answer(peer: Peer, ping: Ping, now: Moment, out: LivenessEffect[]): void {
    const taken = peer.claims.take(ping.claims, ping.news);
    if (taken.problem !== null) out.push({ kind: 'refused', node: peer.node, reason: taken.problem });
    peer.shows();
    if (taken.changed.length > 0) {
      this.#parts.events.claimsChanged(taken.changed);
      tellClaims(peer, out);
    }
    if (peer.isAwaited) this.#parts.events.answered(peer);
    const to = { incarnation: ping.incarnation, seq: ping.seq };
    const frame: PingAnswer = { kind: 'pingAnswer', ...this.#facts(now), to, holds: peer.claims.version };
    out.push({ kind: 'send', to: peer.node, frame });
  }

  #takeAnswer(peer: Peer, answer: PingAnswer, now: Moment, out: LivenessEffect[]): void {
    if (answer.to.incarnation !== this.#parts.incarnation) return;
    const sent = peer.answered(answer.to.seq);
    if (sent === null) return;
    peer.heldVersion = answer.holds !== null && answer.holds <= this.claims.version ? answer.holds : 0;
    peer.said(answer.to.seq, answer.claims.version);
    const roundTripMs = now.clockMs - sent.clockMs;
    if (roundTripMs <= this.#settings.roundTripMsMax) {
      peer.wallAheadMs = answer.wallMs - (now.clockMs - roundTripMs / 2);
    }
    if (peer.proveLife(sent.atMs, now.ownMs)) {
      out.push({ kind: 'alive', node: peer.node, isAlive: true });
      // Claims that it speaks of and that are not here yet come with a ping of its own.
      if (peer.shownSeq > 0) tellClaims(peer, out);
      this.#parts.events.changed(peer, []);
    }
    if (peer.isAwaited) this.#parts.events.answered(peer);
  }

  /** @returns whether the frame is of the peer's present life */
  #meet(peer: Peer, frame: SenderFacts, out: LivenessEffect[]): boolean {
    const known = peer.incarnation;
    const formerClaims = peer.meet(frame.incarnation);
    if (formerClaims === null) return false;
    if (known === peer.incarnation) return true;
    this.#parts.events.changed(peer, formerClaims);
    if (formerClaims.length > 0) tellClaims(peer, out);
    return true;
  }

  #judgeFitness(peer: Peer, facts: SenderFacts, now: Moment, out: LivenessEffect[]): void {
    const wasGivenUp = peer.isGivenUp;
    if (!peer.judgeFitness(facts, now.ownMs)) return;
    this.#parts.events.changed(peer, []);
    if (wasGivenUp) tellClaims(peer, out);
  }

  #judge(peer: Peer, now: Moment, out: LivenessEffect[]): void {
    if (peer.suspectAtMs !== null && now.ownMs >= peer.suspectAtMs) this.#suspect(peer, now, out);
    else if (peer.isSilent(now.ownMs)) peer.unsteady();
    const { unfitSinceMs } = peer;
    if (unfitSinceMs === null || peer.isGivenUp || now.ownMs - unfitSinceMs < this.#settings.handOverMs) return;
    peer.isGivenUp = true;
    this.#parts.events.changed(peer, []);
    tellClaims(peer, out);
  }

  #suspect(peer: Peer, now: Moment, out: LivenessEffect[]): void {
    if (!peer.suspect(now.ownMs)) return;
    out.push({ kind: 'alive', node: peer.node, isAlive: false });
    this.#parts.events.changed(peer, []);
  }

  #judgeSelf({ wallMs, commitMs, turnMs }: TimeEvent, { ownMs, clockMs }: Moment, out: LivenessEffect[]): void {
    const wallsAheadMs: number[] = [];
    for (const { isAlive, wallAheadMs } of this.peers.values()) {
      if (isAlive && wallAheadMs !== null) wallsAheadMs.push(wallAheadMs);
    }
    const lostMs = this.#time.lostMs;
    this.fitness.judge({ ownMs, clockMs, lostMs, wallMs, commitMs, turnMs, wallsAheadMs }, out);
  }

  #facts(now: Moment): SenderFacts {
    return {
      incarnation: this.#parts.incarnation,
      wallMs: this.#wallAheadMs + now.clockMs,
      commitMs: this.fitness.commitMs,
      turnMs: this.fitness.turnMs,
      isFit: this.fitness.mayLead,
      claims: this.claims.head,
    };
  }
}

function tellClaims(peer: Peer, out: LivenessEffect[]): void {
  if (!peer.isAlive) return;
  out.push({ kind: 'claimed', node: peer.node, claims: peer.isHeard ? peer.claims.list() : [] });
}
