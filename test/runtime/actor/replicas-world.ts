/**
 * A few engines over one replicated log, joined by a route whose every notice and answer the test carries, keeps or
 * loses. Time is one for all, read from clocks that may stand apart.
 */
import type { ActorKind, BodyAttachment } from '../../../runtime/actor/actor.ts';
import { Engine } from '../../../runtime/actor/engine.ts';
import type { NoticeOutcome, NoticeRoute } from '../../../runtime/actor/notice-route.ts';
import type { StoredNotice } from '../../../runtime/actor/outbox.ts';
import type { CommandId, Outcome } from '../../../runtime/actor/request.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import { type ShardId, shardId } from '../../../runtime/base/ids.ts';
import { type Limits, limits } from '../../../runtime/base/limits.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { MemoryStore } from '../../../runtime/store/memory-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type CommitWitness, ReplicaLog, ReplicatedTruth } from './replica-log.ts';

/** A notice on its way between two nodes. */
export interface Frame {
  readonly from: ReplicaNode;
  readonly target: ShardId;
  readonly source: ShardId;
  readonly seq: number;
  readonly notice: StoredNotice;
  /** Answers that the other side gave and that are on their way back. */
  readonly answers: NoticeOutcome[];
  /** To the engine that sent it, the first time. */
  readonly done: (outcome: NoticeOutcome) => void;
}

export interface ReplicasOptions {
  readonly nodes: number;
  readonly shardCount: number;
  readonly kinds: readonly ActorKind[];
  readonly limits?: Partial<Limits>;
  readonly witness?: CommitWitness;
  /** Sees each notice as it is handed over, and may answer at once. */
  readonly handedOver?: (frame: Frame) => void;
  /** Bytes that travel with the notices that name them. */
  readonly bodies?: readonly BodyAttachment[];
}

export class Replicas {
  readonly nodes: ReplicaNode[];
  readonly truth: ReplicatedTruth;
  /** Notices that nobody has carried yet, oldest first. */
  readonly frames: Frame[] = [];
  readonly options: ReplicasOptions;
  #seq = 0;

  constructor(options: ReplicasOptions) {
    this.options = options;
    this.truth = new ReplicatedTruth(options.shardCount, options.witness);
    this.nodes = Array.from({ length: options.nodes }, () => new ReplicaNode(this));
  }

  newId(): CommandId {
    return { caller: 'test', seq: ++this.#seq };
  }

  get shards(): readonly ShardId[] {
    return this.truth.shards.map((_, shard) => shardId(shard));
  }

  shardOf(kind: string, key: string): ShardId {
    return shardOf(kind, key, this.options.shardCount);
  }

  leader(shard: ShardId): ReplicaNode | undefined {
    return this.nodes.find((node) => node.log.isLeader(shard));
  }

  /** A change of leaders of which everybody hears at once. */
  move(shard: ShardId, to: ReplicaNode | null, survivors = 0): void {
    const before = this.leader(shard);
    this.truth.elect(shard, to?.log ?? null, survivors);
    if (before !== undefined && before !== to) before.log.hearsOfLoss(shard);
  }

  /** The first change of leaders that the old one does not hear of. */
  moveUnheard(shard: ShardId, to: ReplicaNode, survivors = 0): void {
    this.truth.elect(shard, to.log, survivors);
  }

  /** Gives a notice to a node, also twice; the answer goes into `frame.answers`. */
  carry(frame: Frame, to: ReplicaNode, bodies: readonly BodyAttachment[] = this.options.bodies ?? []): void {
    const { target, source, seq, notice, answers } = frame;
    const done = (outcome: NoticeOutcome | 'bodyNotHere'): void =>
      void answers.push(outcome === 'bodyNotHere' ? 'failed' : outcome);
    // As it comes out of the mesh: nothing is shared with the one who sent it.
    to.engine.receiveNotice({ target, source, seq, notice: structuredClone(notice), bodies, done });
  }

  advance(byMs: number): void {
    for (const node of this.nodes) node.clock.advance(byMs);
  }

  async turn(): Promise<void> {
    for (const node of this.nodes) await node.turn();
  }

  /** All that can be done without time going on: commits, confirmations, and every notice to the leader of its target. */
  async settle(): Promise<void> {
    const flying: Frame[] = [];
    for (let quiet = 0; quiet < 3; ) {
      await this.turn();
      let moved = this.frames.length > 0;
      for (const frame of this.frames.splice(0)) {
        const leader = this.leader(frame.target);
        if (leader === undefined) frame.done('notLeader');
        else this.carry(frame, leader);
        flying.push(frame);
      }
      await this.turn();
      for (const node of this.nodes) {
        for (const shard of this.shards) {
          if (node.log.isLeader(shard) && node.log.uncommitted(shard) > 0) {
            moved = true;
            node.log.commit(shard);
          }
        }
        if (node.log.unconfirmed > 0) moved = true;
        node.log.answerConfirms();
      }
      for (const { answers, done } of flying) {
        const outcome = answers.shift();
        if (outcome === undefined) continue;
        moved = true;
        done(outcome);
      }
      quiet = moved ? 0 : quiet + 1;
    }
  }
}

/** A command or a query. */
export type Message = { readonly kind: string } & Readonly<Record<string, unknown>>;

export interface Asked {
  outcome: Outcome | undefined;
}

export class ReplicaNode {
  readonly clock: FakeClock;
  readonly store: LayeredStore;
  readonly bodies: Set<string>;
  readonly log: ReplicaLog;
  readonly engine: Engine;
  readonly fatals: unknown[] = [];
  readonly bugs: unknown[] = [];
  readonly #world: Replicas;

  /** @param before its life before this one: rows and bodies are kept, memory is not */
  constructor(world: Replicas, before?: ReplicaNode) {
    this.#world = world;
    // A new clock: nothing that the life before had planned happens any more.
    this.clock = new FakeClock(before?.clock.nowMs());
    this.store = before?.store ?? new LayeredStore(new MemoryStore());
    this.bodies = before?.bodies ?? new Set();
    this.log = new ReplicaLog(world.truth, this.store, this.bodies, before?.log);
    const { kinds, shardCount } = world.options;
    let seed = 0;
    this.engine = new Engine({
      kinds: new Map(kinds.map((kind) => [kind.kind, kind])),
      shardCount,
      store: this.store,
      log: this.log,
      hasBody: (hash) => this.bodies.has(hash),
      isStorageFull: () => false,
      clock: this.clock,
      random: { bytes: (count) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)) },
      limits: { ...limits, ...world.options.limits },
      reports: {
        bug: (what, error) => void this.bugs.push({ what, error }),
        turn: () => undefined,
        slow: () => undefined,
        noticeFailed: () => undefined,
      },
      route: this.#route(world),
      fatal: (error) => void this.fatals.push(error),
    });
    this.engine.start();
  }

  /** Some turns of its loop. */
  async turn(): Promise<void> {
    for (let i = 0; i < 8; i++) {
      await Promise.resolve();
      this.clock.runSoon();
    }
  }

  ask(kind: string, key: string, command: Message, id?: CommandId): Asked {
    const asked: Asked = { outcome: undefined };
    this.engine.ask(
      {
        kind,
        key,
        command,
        id: id ?? this.#world.newId(),
        settledBelow: 0,
        principal: { kind: 'operator', id: 'test' },
        trace: 'test',
        bodies: [],
        timeoutMs: 30_000,
      },
      (outcome) => {
        if (asked.outcome !== undefined) throw new Error('an answer comes once');
        asked.outcome = outcome;
      },
    );
    return asked;
  }

  query(kind: string, key: string, query: Message, local = false): Asked {
    const asked: Asked = { outcome: undefined };
    this.engine.query({ kind, key, query, principal: { kind: 'operator', id: 'test' }, local }, (outcome) => {
      asked.outcome = outcome;
    });
    return asked;
  }

  #route(world: Replicas): NoticeRoute {
    return {
      deliver: (target, source, seq, notice, done) => {
        let isDone = false;
        const once = (outcome: NoticeOutcome): void => {
          if (isDone) return;
          isDone = true;
          done(outcome);
        };
        const frame: Frame = { from: this, target, source, seq, notice, answers: [], done: once };
        world.frames.push(frame);
        world.options.handedOver?.(frame);
      },
    };
  }
}
