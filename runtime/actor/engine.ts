/**
 * The actor engine of one node: runs the actors of the shards that it leads and answers for them.
 *
 * Promises (asserted as it goes, see the plan §15): turns of an actor run one after another; an effect happens once per
 * command id; nothing leaves before what it rests on is committed; every list is bounded. Shards come and go: when one is
 * lost, all that is in memory of it is forgotten and everybody who waits for it is told so.
 * Leaves to others: making write-sets durable (`log.ts`), threads and wire (`threads/`, `cluster/`).
 */
import type { Clock } from '../base/clock.ts';
import type { ShardId } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import { Activations } from './activations.ts';
import type { ActorKind, ActorRef } from './actor.ts';
import { Channels } from './channels.ts';
import { stopping, storageFull } from './codes.ts';
import { Commands } from './commands.ts';
import { DeadLetterDesk } from './dead-letter-desk.ts';
import { Dispatcher } from './dispatcher.ts';
import { Inbox } from './inbox.ts';
import { Janitor } from './janitor.ts';
import type { Commit, ShardLog } from './log.ts';
import type { NoticeRoute, ReceivedNotice } from './notice-route.ts';
import { Queries } from './queries.ts';
import type { CommandRequest, QueryRequest, Settle } from './request.ts';
import { ShardTable } from './shard-state.ts';
import { Timers } from './timers.ts';
import { TurnRunner } from './turn-runner.ts';
import { Watchers } from './watchers.ts';

/** What the engine tells whoever keeps the log of the node. */
export interface EngineReports {
  /** A handler threw what it should not: a bug, contained to its turn. */
  bug(what: string, error: unknown): void;
  /** Each turn of a command. */
  turn(tookMs: number): void;
  slow(kind: string, what: string, tookMs: number): void;
  noticeFailed(kind: string, what: string, error: unknown, isDead: boolean): void;
}

export interface EngineOptions {
  readonly kinds: ReadonlyMap<string, ActorKind>;
  readonly shardCount: number;
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly hasBody: (hash: string) => boolean;
  /** True while the disk is too full to take more. */
  readonly isStorageFull: () => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly reports: EngineReports;
  /** Brings notices to shards that are led elsewhere. Without one they wait until they are served here. */
  readonly route?: NoticeRoute;
  /** A broken invariant: the node must stop. */
  readonly fatal: (error: unknown) => void;
}

/** Of the shards that are served here. */
export interface EngineStats {
  readonly shardsServed: number;
  readonly activations: number;
  readonly backlogCommands: number;
  /** Answers, notices, timers and acknowledgements that wait for a commit. */
  readonly outputsWaiting: number;
  /** Notices committed at their source and not yet acknowledged. */
  readonly noticesUnderWay: number;
}

export class Engine {
  readonly #o: EngineOptions;
  readonly #shards: ShardTable;
  readonly #activations: Activations;
  readonly #dispatcher: Dispatcher;
  readonly #runner: TurnRunner;
  readonly #commands: Commands;
  readonly #channels: Channels;
  readonly #timers: Timers;
  readonly #janitor: Janitor;
  readonly #inbox: Inbox;
  readonly #queries: Queries;
  readonly #deadLetters: DeadLetterDesk;
  readonly #watchers: Watchers;
  #cancelCollect: (() => void) | undefined;
  #isStopping = false;

  constructor(options: EngineOptions) {
    this.#o = options;
    const { kinds, shardCount, store, log, clock, limits, reports, fatal } = options;
    const shards = new ShardTable(shardCount, store, log);
    this.#shards = shards;
    this.#activations = new Activations(kinds, shards, clock, limits);
    this.#watchers = new Watchers(shardCount);
    this.#inbox = this.#newInbox();
    this.#channels = this.#newChannels();
    this.#dispatcher = new Dispatcher({
      clock,
      mayRun: () => log.pendingBytes < limits.pendingBytesMax,
      notices: [this.#inbox, this.#channels],
      endTurn: () => log.flush(),
      fatal,
    });
    const enqueue = (work: () => void): void => this.#dispatcher.enqueue(work);
    this.#timers = this.#newTimers(enqueue);
    const runner = this.#newRunner();
    this.#runner = runner;
    this.#commands = new Commands({
      activations: this.#activations,
      shards,
      log,
      clock,
      limits,
      runner,
      makeReady: (activation) => this.#dispatcher.makeReady(activation),
      reports,
    });
    this.#queries = new Queries({ activations: this.#activations, shards, store, clock, limits, reports, fatal });
    this.#deadLetters = new DeadLetterDesk({ store, log, shards, activations: this.#activations, runner, enqueue });
    this.#janitor = new Janitor({ store, log, shards, clock, runner, enqueue });
    log.onCommitted((commits) => this.#committed(commits));
  }

  /** From now on the shards that the log lets this node serve are served, and what was under way in them is taken up. */
  start(): void {
    this.#o.log.onRole({
      served: (shard) => this.#served(shard),
      lost: (shard) => this.#lost(shard),
    });
    this.#janitor.start();
    this.#collectLater();
  }

  /** Takes no more commands. What was taken goes on; `drained` tells when it is done. */
  stop(): void {
    this.#isStopping = true;
    this.#channels.stop();
    this.#timers.stop();
    this.#janitor.stop();
    this.#cancelCollect?.();
  }

  get isDrained(): boolean {
    if (this.#dispatcher.hasWork) return false;
    return this.#shards.served().every((state) => state.isDrained);
  }

  get stats(): EngineStats {
    const served = this.#shards.served();
    let backlogCommands = 0;
    let outputsWaiting = 0;
    for (const state of served) {
      backlogCommands += state.backlogCommands;
      outputsWaiting += state.gate.length;
    }
    return {
      shardsServed: served.length,
      activations: this.#activations.size,
      backlogCommands,
      outputsWaiting,
      noticesUnderWay: this.#channels.underWay,
    };
  }

  /** @param settle called exactly once, never before the effect is committed */
  ask(request: CommandRequest, settle: Settle): void {
    if (this.#isStopping) return settle({ ok: false, error: stopping().data });
    if (this.#o.isStorageFull()) return settle({ ok: false, error: storageFull().data });
    this.#commands.take(request, settle);
  }

  /** Answers from committed state: at once on a lone node, else after a majority has confirmed that this node leads. */
  query(request: QueryRequest, settle: Settle): void {
    this.#queries.ask(request, settle);
  }

  /** Takes a notice that came by a route from the leader of its source. */
  receiveNotice(received: ReceivedNotice): void {
    if (this.#isStopping) return received.done('notLeader');
    this.#inbox.receive(received);
  }

  /**
   * Calls `changed` after each commit here that may have changed the actor, and when its shard comes to be served here,
   * until the returned function is called. What another leader commits is not seen.
   */
  watch(ref: ActorRef, changed: () => void): () => void {
    return this.#watchers.watch(ref, changed);
  }

  /** Each commit here of an actor of the kind. It is told before the commit's answers leave. */
  watchKind(kind: string, changed: (key: string) => void): () => void {
    return this.#watchers.watchKind(kind, changed);
  }

  /** Calls `announced` with the key of each actor of the kind whose turn said `announce`, once it is committed. */
  watchAnnounced(kind: string, announced: (key: string) => void): () => void {
    return this.#watchers.watchAnnounced(kind, announced);
  }

  /** Gives a dead letter to its actor once more; it stays when that fails again. */
  retryDeadLetter(shard: number, index: number): Promise<void> {
    return this.#deadLetters.retry(shard, index);
  }

  dropDeadLetter(shard: number, index: number): Promise<void> {
    return this.#deadLetters.drop(shard, index);
  }

  #served(shard: ShardId): void {
    this.#contained(() => {
      // A leader that is elected again may not have noticed that it was none in between: memory is not believed.
      if (this.#shards.find(shard) !== undefined) this.#lost(shard);
      this.#shards.becomeServed(shard);
      this.#channels.served(shard);
      this.#timers.served(shard);
      this.#watchers.served(shard);
    });
    this.#dispatcher.wake();
  }

  #lost(shard: ShardId): void {
    this.#contained(() => {
      const state = this.#shards.find(shard);
      if (state === undefined) return;
      this.#shards.becomeLost(state);
      const forgotten = this.#activations.forgetAll(state);
      this.#channels.lost(shard);
      this.#timers.lost(shard);
      // Last, since who is told may ask again at once.
      state.gate.lost();
      for (const activation of forgotten) this.#commands.lost(activation);
    });
    // What others wait for may fit in now.
    this.#dispatcher.wake();
  }

  #contained(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#o.fatal(error);
    }
  }

  // The parts call each other in a circle: a turn of the runner sends by the channels, whose notices are turns of the
  // runner. So each is handed functions that look the other one up when they are called.

  #newChannels(): Channels {
    const { store, log, clock, route } = this.#o;
    return new Channels({
      store,
      log,
      shards: this.#shards,
      clock,
      take: (state, source, seq, notice) => this.#inbox.take(state, source, seq, notice, []),
      route,
      runner: () => this.#runner,
      wake: () => this.#dispatcher.wake(),
    });
  }

  #newInbox(): Inbox {
    const { log, limits, hasBody, reports } = this.#o;
    return new Inbox({
      log,
      shards: this.#shards,
      attemptsMax: limits.noticeAttemptsMax,
      hasBody,
      activate: (kind, key) => this.#activations.of(kind, key),
      runner: () => this.#runner,
      wake: () => this.#dispatcher.wake(),
      failed: ({ kind, key, notice }, error, isDead) =>
        reports.noticeFailed(kind, `${notice.kind} to ${kind} ${key}`, error, isDead),
    });
  }

  #newTimers(enqueue: (work: () => void) => void): Timers {
    const { store, log, clock, reports } = this.#o;
    return new Timers({
      store,
      log,
      shards: this.#shards,
      clock,
      activate: (kind, key) => this.#activations.of(kind, key),
      runner: () => this.#runner,
      enqueue,
      failed: (kind, name, error) => reports.bug(`timer ${name} of ${kind}`, error),
    });
  }

  #newRunner(): TurnRunner {
    const { store, log, clock, random, limits, hasBody } = this.#o;
    return new TurnRunner({
      store,
      log,
      shards: this.#shards,
      clock,
      random,
      limits,
      hasBody,
      outbox: (activation, tells, trace) => this.#channels.outgoing(activation, tells, trace),
      timersSet: (activation, dueMs) => this.#timers.committed(activation.shard, dueMs),
      changed: (activation) => this.#watchers.changed(activation),
      announced: (activation) => this.#watchers.announced(activation),
    });
  }

  #committed(commits: readonly Commit[]): void {
    this.#contained(() => {
      for (const { shard, index } of commits) this.#shards.find(shard)?.gate.committed(index);
    });
    this.#dispatcher.wake();
  }

  #collectLater(): void {
    this.#cancelCollect = this.#o.clock.after(this.#o.limits.activationIdleMs / 4, () => {
      this.#activations.collect();
      this.#collectLater();
    });
  }
}
