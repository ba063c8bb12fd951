/**
 * The replicated log of a few nodes as a test plays it. There is one truth: the entries of each shard that are committed,
 * and who leads. Each node has its copy of a part of it, what it appended and what it believes.
 *
 * Promises what `log.ts` asks for, and no more: a deposed node may not know it for as long as the test wants; what it
 * appended may survive or not; a follower lags behind until it is brought up to date.
 */
import assert from 'node:assert/strict';
import type { Commit, RoleEvents, ShardLog, WriteSet } from '../../../runtime/actor/log.ts';
import type { Copies } from '../../../runtime/actor/request.ts';
import { type LogIndex, logIndex, type ShardId, shardId, type Term, term } from '../../../runtime/base/ids.ts';
import type { LayeredStore } from '../../../runtime/store/layered-store.ts';

interface TrueShard {
  readonly committed: WriteSet[];
  leader: ReplicaLog | null;
  term: number;
}

/** Told of each entry once it is committed, in order. */
export type CommitWitness = (shard: ShardId, index: LogIndex, writeSet: WriteSet) => void;

export class ReplicatedTruth {
  readonly shards: readonly TrueShard[];
  readonly witness: CommitWitness;

  constructor(shardCount: number, witness: CommitWitness = () => undefined) {
    this.shards = Array.from({ length: shardCount }, () => ({ committed: [], leader: null, term: 0 }));
    this.witness = witness;
  }

  commit(shard: ShardId, entries: readonly WriteSet[]): void {
    const { committed } = this.shards[shard]!;
    for (const entry of entries) {
      committed.push(entry);
      this.witness(shard, logIndex(committed.length), entry);
    }
  }

  /** Whoever led may not hear of it; so many of the entries that he had on their way survive him. */
  elect(shard: ShardId, leader: ReplicaLog | null, survivors = 0): void {
    const state = this.shards[shard]!;
    if (state.leader !== null) this.commit(shard, state.leader.firstUncommitted(shard, survivors));
    state.leader = leader;
    state.term++;
    leader?.becomeLeader(shard, term(state.term));
  }
}

interface Copy {
  /** So many entries are in the store. */
  applied: number;
  timeMs: number;
  /** Appended while served, and not committed. */
  tail: WriteSet[];
  isServed: boolean;
  term: Term;
}

interface Confirm {
  readonly shard: ShardId;
  readonly done: (isLeader: boolean) => void;
}

export class ReplicaLog implements ShardLog {
  readonly #truth: ReplicatedTruth;
  readonly #store: LayeredStore;
  readonly #bodies: Set<string>;
  readonly #copies: readonly Copy[];
  readonly #confirms: Confirm[] = [];
  #events: RoleEvents | undefined;
  #listener: (commits: readonly Commit[]) => void = () => undefined;

  /** @param applied what an earlier life of the node applied to the store */
  constructor(truth: ReplicatedTruth, store: LayeredStore, bodies: Set<string>, before?: ReplicaLog) {
    this.#truth = truth;
    this.#store = store;
    this.#bodies = bodies;
    this.#copies = truth.shards.map((_, shard) => {
      const { applied, timeMs } = before === undefined ? { applied: 0, timeMs: 0 } : before.#copies[shard]!;
      return { applied, timeMs, tail: [], isServed: false, term: term(0) };
    });
  }

  // ---- what the engine asks ----------------------------------------------------------------------------------------

  term = (shard: ShardId): Term => this.#copies[shard]!.term;
  serves = (shard: ShardId): boolean => this.#copies[shard]!.isServed;
  committedIndex = (shard: ShardId): LogIndex => logIndex(this.#copies[shard]!.applied);
  flush = (): void => undefined;

  onRole(events: RoleEvents): void {
    this.#events = events;
  }

  confirm(shard: ShardId, done: (isLeader: boolean) => void): void {
    this.#confirms.push({ shard, done });
  }

  copies(): Copies {
    return [2, 3];
  }

  lastIndex(shard: ShardId): LogIndex {
    const { applied, tail } = this.#copies[shard]!;
    return logIndex(applied + tail.length);
  }

  lastTimeMs(shard: ShardId): number {
    const { timeMs, tail } = this.#copies[shard]!;
    return tail.at(-1)?.timeMs ?? timeMs;
  }

  append(shard: ShardId, writeSet: WriteSet): LogIndex {
    const copy = this.#copies[shard]!;
    assert.ok(copy.isServed, 'only a served shard gets entries');
    assert.ok(writeSet.timeMs > this.lastTimeMs(shard), 'entry time grows');
    copy.tail.push(writeSet);
    return this.lastIndex(shard);
  }

  get pendingBytes(): number {
    return this.#copies.reduce((sum, { tail }) => sum + tail.length, 0);
  }

  onCommitted(listener: (commits: readonly Commit[]) => void): void {
    this.#listener = listener;
  }

  // ---- what the test plays -----------------------------------------------------------------------------------------

  isLeader(shard: ShardId): boolean {
    return this.#truth.shards[shard]!.leader === this;
  }

  uncommitted(shard: ShardId): number {
    return this.#copies[shard]!.tail.length;
  }

  get unconfirmed(): number {
    return this.#confirms.length;
  }

  /** A majority has so many more of the entries on their way. Of one that does not lead, nobody takes any. */
  commit(shard: ShardId, count = Number.POSITIVE_INFINITY): void {
    if (!this.isLeader(shard)) return;
    const entries = this.firstUncommitted(shard, count);
    if (entries.length === 0) return;
    this.#copies[shard]!.tail.splice(0, entries.length);
    this.#truth.commit(shard, entries);
    this.catchUp(shard);
    this.#listener([{ shard, index: this.committedIndex(shard) }]);
  }

  firstUncommitted(shard: ShardId, count: number): readonly WriteSet[] {
    return this.#copies[shard]!.tail.slice(0, count);
  }

  /** Applies all that is committed. */
  catchUp(shard: ShardId): void {
    const copy = this.#copies[shard]!;
    for (const { timeMs, rows, bodies } of this.#truth.shards[shard]!.committed.slice(copy.applied)) {
      this.#store.apply(rows);
      for (const { hash } of bodies) this.#bodies.add(hash);
      copy.applied++;
      copy.timeMs = timeMs;
    }
  }

  becomeLeader(shard: ShardId, at: Term): void {
    const copy = this.#copies[shard]!;
    this.hearsOfLoss(shard);
    this.catchUp(shard);
    copy.term = at;
    copy.isServed = true;
    this.#events?.served(shard, at);
  }

  /** As `becomeLeader`, without a word of the loss in between. */
  becomeLeaderAgain(shard: ShardId): void {
    const copy = this.#copies[shard]!;
    copy.tail = [];
    this.#events?.served(shard, copy.term);
  }

  /** It learns that it does not lead, and follows again. */
  hearsOfLoss(shard: ShardId): void {
    const copy = this.#copies[shard]!;
    if (!copy.isServed) return;
    copy.isServed = false;
    copy.tail = [];
    this.#events?.lost(shard);
    for (const one of this.#confirms.filter((other) => other.shard === shard)) this.#answer(one, false);
  }

  /** A round of the majority answers what was asked so far; who leads no more gets no yes. */
  answerConfirms(): void {
    for (const one of [...this.#confirms]) this.#answer(one, this.isLeader(one.shard));
  }

  #answer(one: Confirm, isLeader: boolean): void {
    const at = this.#confirms.indexOf(one);
    if (at < 0) return;
    this.#confirms.splice(at, 1);
    one.done(isLeader);
  }

  shardsServed(): ShardId[] {
    return this.#copies.flatMap(({ isServed }, shard) => (isServed ? [shardId(shard)] : []));
  }
}
