/**
 * When this node should campaign, and for which groups (plan §7).
 *
 * A group of which this replica may become leader is in want of one when
 * (a) the node of its known leader is suspect, or
 * (b) that node lives and does not claim the group at my term or later (it restarted, or lost it and does not know), or
 * (c) no leader is known and nobody alive claims the group;
 * and in no case while a living node claims it.
 *
 * Promises: what is due at one moment goes out as one batch; a tick costs nothing for groups that have a leader.
 * Leaves to others: whether a campaign is won; PreVote refuses one that was not needed.
 */
import { type NodeId, type ShardId, term } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { fraction } from './chance.ts';
import type { Detector, DetectorEvents } from './detector.ts';
import { type Group, rankOf, verdictOn, type Want } from './group.ts';
import type { Peer } from './peer.ts';
import type { GroupRole, LivenessEffect } from './protocol.ts';
import type { LivenessSettings } from './settings.ts';

export interface CampaignParts {
  readonly self: NodeId;
  readonly settings: LivenessSettings;
  readonly random: Random;
  readonly detector: () => Detector;
}

export class Campaigns implements DetectorEvents {
  readonly #parts: CampaignParts;
  readonly #settings: LivenessSettings;
  readonly #groups = new Map<ShardId, Group>();
  /** Known leader -> the groups that rest on it. */
  readonly #ledBy = new Map<NodeId, Set<Group>>();
  readonly #wanting = new Set<Group>();
  readonly #unjudged = new Set<Group>();
  readonly #awoken = new Set<Peer>();
  #mayLead = true;
  #jitterDrawn: number | null = null;
  #ownMs = 0;
  /** When `settle` has something to do although nothing changed, in own time. */
  #dueMs = Infinity;
  /** Verdicts given since the start: what this folder costs. */
  judged = 0;

  constructor(parts: CampaignParts) {
    this.#parts = parts;
    this.#settings = parts.settings;
  }

  /** For PreVote: this node hears a living leader of the group, be it itself. */
  hearsLeader(id: ShardId): boolean {
    const group = this.#groups.get(id);
    if (group === undefined) return false;
    const verdict = this.#verdictOn(group);
    if (verdict.kind !== 'unclear') return verdict.kind === 'led';
    return verdict.isHeard && this.#ownMs < (group.learned?.atMs ?? 0) + this.#settings.evidenceMs;
  }

  /** Groups without a leader that is heard, for status and tests. */
  wanting(): ShardId[] {
    return [...this.#wanting].map(({ id }) => id);
  }

  /** When the next group is due, in own time; null: none is. */
  get wakeAtMs(): number | null {
    return this.#dueMs === Infinity ? null : this.#dueMs;
  }

  replicas(id: ShardId, candidates: readonly NodeId[]): void {
    const group = this.#group(id);
    group.candidates = candidates;
    this.#unjudged.add(group);
  }

  role(id: ShardId, is: GroupRole, ownMs: number): void {
    const group = this.#group(id);
    const before = group.is;
    group.is = is;
    this.#detector.claims.set(id, is.role === 'leader' ? is.term : null);
    this.#unjudged.add(group);
    if (before.leader !== is.leader) this.#restOn(group, before.leader, is.leader);
    this.#learn(group, ownMs);
    if (group.isTold && is.term > before.term && is.role === 'follower' && is.leader === null) {
      group.holdUntilMs = ownMs + this.#settings.settleMs;
      if (group.want !== null) group.want.dueAtMs = null;
    }
    if (is.role === 'candidate' && before.role !== 'candidate') {
      group.candidateUntilMs = ownMs + Math.ceil(this.#settings.candidacyMs * this.#jitter());
    }
    group.isTold = true;
  }

  #learn(group: Group, ownMs: number): void {
    const { leader, term } = group.is;
    if (leader === null || (group.learned?.leader === leader && group.learned.term === term)) return;
    const { sentSeq = 0, restarts = 0 } = this.#peers.get(leader) ?? {};
    group.learned = { leader, term, seq: sentSeq, restarts, atMs: ownMs };
  }

  forget(id: ShardId): void {
    const group = this.#groups.get(id);
    if (group === undefined) return;
    this.#detector.claims.set(id, null);
    this.#restOn(group, group.is.leader, null);
    this.#groups.delete(id);
    this.#wanting.delete(group);
    this.#unjudged.delete(group);
  }

  /** Members came or went. */
  judgeWanting(): void {
    for (const group of this.#wanting) this.#unjudged.add(group);
  }

  changed(peer: Peer, formerClaims: Iterable<ShardId>): void {
    for (const group of this.#ledBy.get(peer.node) ?? []) this.#unjudged.add(group);
    this.claimsChanged(peer.claims.groups());
    this.claimsChanged(formerClaims);
    this.judgeWanting();
    if (peer.isCandidate) this.#awoken.add(peer);
  }

  claimsChanged(groups: Iterable<ShardId>): void {
    for (const id of groups) {
      const group = this.#groups.get(id);
      if (group !== undefined) this.#unjudged.add(group);
    }
  }

  answered(peer: Peer): void {
    peer.isAwaited = false;
    this.judgeWanting();
  }

  /** Judges what has changed, then sends out whose turn has come. */
  settle(ownMs: number, out: LivenessEffect[]): void {
    this.#ownMs = ownMs;
    const mayLead = this.#detector.fitness.mayLead;
    if (this.#unjudged.size > 0 || ownMs >= this.#dueMs || mayLead !== this.#mayLead) {
      this.#mayLead = mayLead;
      const forgotten = new Set<Peer>();
      for (const group of this.#wanting) if (this.#isUnclearForTooLong(group, ownMs)) this.#unjudged.add(group);
      for (const group of this.#unjudged) this.#judge(group, ownMs, forgotten);
      for (const { node, claims } of forgotten) out.push({ kind: 'claimed', node, claims: claims.list() });
      this.#unjudged.clear();
      if (mayLead) this.#campaign(ownMs, out);
      this.#dueMs = this.#nextDueMs();
    }
    this.#awoken.clear();
    this.#jitterDrawn = null;
  }

  #judge(group: Group, ownMs: number, forgotten: Set<Peer>): void {
    const { self } = this.#parts;
    const verdict = this.#verdictOn(group);
    if (verdict.kind === 'led') {
      this.#content(group);
      // Raft knows no leader, or forgot it over a campaign that failed, and liveness hears one: told again.
      const leader = group.is.leader === null ? this.#peers.get(verdict.by) : undefined;
      if (leader !== undefined) forgotten.add(leader);
      return;
    }
    if (!group.candidates.includes(self)) {
      this.#content(group);
      return;
    }
    group.want ??= { unclearSinceMs: null, dueAtMs: null, campaigns: 0, notBeforeMs: 0 };
    this.#wanting.add(group);
    const { want } = group;
    const isHelped = this.#isHelped(group);
    if (isHelped) {
      want.campaigns = 0;
      want.notBeforeMs = 0;
    }
    if (verdict.kind === 'leaderless') want.unclearSinceMs = null;
    else want.unclearSinceMs ??= ownMs;
    if (want.unclearSinceMs !== null && !this.#isUnclearForTooLong(group, ownMs)) {
      want.dueAtMs = null;
      return;
    }
    if (want.dueAtMs !== null && !isHelped) return;
    const dueMs = Math.max(ownMs, group.holdUntilMs, want.notBeforeMs) + this.#patienceMs(group);
    want.dueAtMs = Math.min(want.dueAtMs ?? dueMs, dueMs);
  }

  #isUnclearForTooLong({ want }: Group, ownMs: number): boolean {
    if (want === null || want.unclearSinceMs === null) return false;
    return ownMs >= want.unclearSinceMs + this.#settings.evidenceMs;
  }

  #nextDueMs(): number {
    let nextMs = Infinity;
    for (const { want } of this.#wanting) {
      if (want === null) continue;
      if (want.dueAtMs === null) nextMs = Math.min(nextMs, (want.unclearSinceMs ?? 0) + this.#settings.evidenceMs);
      else if (this.#mayLead) nextMs = Math.min(nextMs, want.dueAtMs);
    }
    return nextMs;
  }

  #content(group: Group): void {
    group.want = null;
    this.#wanting.delete(group);
  }

  /** A voter has come alive: what could not be won may be won now. */
  #isHelped({ candidates }: Group): boolean {
    for (const peer of this.#awoken) if (candidates.includes(peer.node)) return true;
    return false;
  }

  #campaign(ownMs: number, out: LivenessEffect[]): void {
    const groups: ShardId[] = [];
    for (const group of this.#wanting) {
      const want = group.want as Want;
      if (want.dueAtMs === null || want.dueAtMs > ownMs) continue;
      const untilMs = Math.max(group.holdUntilMs, group.is.role === 'candidate' ? group.candidateUntilMs : 0);
      if (untilMs > ownMs) {
        want.dueAtMs = untilMs + this.#patienceMs(group);
        continue;
      }
      groups.push(group.id);
      const { retryMsMin, retryMsMax } = this.#settings;
      want.notBeforeMs = ownMs + Math.ceil(Math.min(retryMsMin * 2 ** want.campaigns, retryMsMax) * this.#jitter());
      want.campaigns++;
      want.dueAtMs = want.notBeforeMs + this.#patienceMs(group);
    }
    if (groups.length > 0) out.push({ kind: 'campaign', groups });
  }

  /** The better candidates have so long to be first. */
  #patienceMs(group: Group): number {
    return rankOf(group, this.#parts.self, this.#peers) * this.#settings.rankStepMs;
  }

  /** 0.5 to 1.5; one for a whole batch, so that what failed together is tried again together. */
  #jitter(): number {
    this.#jitterDrawn ??= 0.5 + fraction(this.#parts.random);
    return this.#jitterDrawn;
  }

  #verdictOn(group: Group): ReturnType<typeof verdictOn> {
    this.judged++;
    return verdictOn(group, this.#parts.self, this.#peers);
  }

  #restOn(group: Group, before: NodeId | null, now: NodeId | null): void {
    if (before !== null) this.#ledBy.get(before)?.delete(group);
    if (now === null) return;
    const groups = this.#ledBy.get(now) ?? new Set();
    this.#ledBy.set(now, groups.add(group));
  }

  #group(id: ShardId): Group {
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group: Group = {
      id,
      candidates: [],
      is: { role: 'follower', term: term(0), leader: null },
      isTold: false,
      learned: null,
      holdUntilMs: 0,
      candidateUntilMs: 0,
      want: null,
    };
    this.#groups.set(id, group);
    return group;
  }

  get #detector(): Detector {
    return this.#parts.detector();
  }

  get #peers(): ReadonlyMap<NodeId, Peer> {
    return this.#detector.peers;
  }
}
