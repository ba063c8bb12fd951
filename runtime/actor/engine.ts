/**
 * The actor engine of one node: runs the actors of the shards that it leads and answers for them.
 *
 * Promises (asserted as it goes, see the plan §15): turns of an actor run one after another; an effect happens once per
 * command id; nothing leaves before what it rests on is committed; every list is bounded.
 * Leaves to others: making write-sets durable (`log.ts`), threads and wire (`threads/`, `cluster/`).
 */
import type { Clock } from '../base/clock.ts';
import { errorData, refused } from '../base/errors.ts';
import type { LogIndex } from '../base/ids.ts';
import { InvariantError } from '../base/invariant.ts';
import type { Limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { statePrefix } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import { Activations } from './activations.ts';
import type { ActorKind, ActorRef } from './actor.ts';
import { Channels } from './channels.ts';
import { noNotices, stopping, storageFull } from './codes.ts';
import { Commands } from './commands.ts';
import { deadLetterRemoval, findDeadLetter } from './dead-letters.ts';
import { Dispatcher } from './dispatcher.ts';
import { Janitor } from './janitor.ts';
import type { Commit, ShardLog } from './log.ts';
import { CommittedView } from './reader.ts';
import type { CommandRequest, QueryRequest, Settle } from './request.ts';
import { shardOf } from './shard.ts';
import { ShardTable } from './shard-state.ts';
import { Timers } from './timers.ts';
import { TurnRunner } from './turn-runner.ts';

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
  /** A broken invariant: the node must stop. */
  readonly fatal: (error: unknown) => void;
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
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #kindWatchers = new Map<string, Set<(key: string) => void>>();
  readonly #announceWatchers = new Map<string, Set<(key: string) => void>>();
  /** Dead letters whose end is on its way to the store, where they can still be found. */
  readonly #lettersEnding = new Set<string>();
  #cancelCollect: (() => void) | undefined;
  #isStopping = false;

  constructor(options: EngineOptions) {
    this.#o = options;
    const { kinds, shardCount, store, log, clock, limits, reports, fatal } = options;
    const shards = new ShardTable(shardCount, store, log);
    this.#shards = shards;
    this.#activations = new Activations(kinds, shardCount, clock, limits);
    this.#channels = this.#newChannels();
    this.#dispatcher = new Dispatcher({
      clock,
      mayRun: () => log.pendingBytes < limits.pendingBytesMax,
      channels: this.#channels,
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
    this.#janitor = new Janitor({ store, log, shards, clock, runner, enqueue });
    log.onCommitted((commits) => this.#committed(commits));
  }

  /** Takes up what was under way when the node stopped: notices and timers. */
  start(): void {
    this.#channels.recover();
    this.#timers.recover();
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
    return this.#shards.all().every(({ backlogCommands, gate }) => backlogCommands === 0 && gate.length === 0);
  }

  get stats(): { readonly activations: number; readonly backlogCommands: number; readonly noticesUnderWay: number } {
    let backlogCommands = 0;
    for (const state of this.#shards.all()) backlogCommands += state.backlogCommands;
    return { activations: this.#activations.size, backlogCommands, noticesUnderWay: this.#channels.underWay };
  }

  /** @param settle called exactly once, never before the effect is committed */
  ask(request: CommandRequest, settle: Settle): void {
    if (this.#isStopping) return settle({ ok: false, error: stopping().data });
    if (this.#o.isStorageFull()) return settle({ ok: false, error: storageFull().data });
    this.#commands.take(request, settle);
  }

  /** Answers from committed state. */
  query(request: QueryRequest, settle: Settle): void {
    const { store, clock, limits, shardCount } = this.#o;
    const { kind, key } = request;
    try {
      const actorKind = this.#activations.kindOf(kind, key);
      const view = new CommittedView({
        kind: actorKind,
        key,
        prefix: statePrefix(shardOf(kind, key, shardCount), kind, key),
        store,
        nowMs: clock.nowMs(),
        principal: request.principal,
        rowsReadMax: limits.turnRowsReadMax,
      });
      settle({ ok: true, answer: actorKind.query(view, request.query) });
    } catch (error) {
      if (error instanceof InvariantError) return this.#o.fatal(error);
      const data = errorData(error);
      if (data.code === 'internal') this.#o.reports.bug(`${kind} ${request.query.kind}`, error);
      settle({ ok: false, error: data });
    }
  }

  /** Calls `changed` after each commit that may have changed the actor, until the returned function is called. */
  watch(ref: ActorRef, changed: () => void): () => void {
    const name = `${ref.kind}\0${ref.key}`;
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers.add(changed));
    return () => {
      watchers.delete(changed);
      if (watchers.size === 0) this.#watchers.delete(name);
    };
  }

  /** As `watch`, for all actors of a kind. It is told before the commit's answers leave. */
  watchKind(kind: string, changed: (key: string) => void): () => void {
    const watchers = this.#kindWatchers.get(kind) ?? new Set();
    this.#kindWatchers.set(kind, watchers.add(changed));
    return () => void watchers.delete(changed);
  }

  /** Calls `announced` with the key of each actor of the kind whose turn said `announce`, once it is committed. */
  watchAnnounced(kind: string, announced: (key: string) => void): () => void {
    const watchers = this.#announceWatchers.get(kind) ?? new Set();
    this.#announceWatchers.set(kind, watchers.add(announced));
    return () => void watchers.delete(announced);
  }

  /** Gives a dead letter to its actor once more; it stays when that fails again. */
  retryDeadLetter(shard: number, index: number): Promise<void> {
    return this.#onDeadLetter(shard, index, (letter) => {
      const { kind, key, notice } = letter.notice;
      const activation = this.#activations.of(kind, key);
      const turn = this.#runner.begin(activation, { kind: 'operator', id: 'deadLetter' }, letter.notice.trace);
      if (activation.kind.notice === undefined) throw noNotices(kind);
      try {
        activation.kind.notice(turn, notice, activation.volatile);
        const removal = deadLetterRemoval(letter);
        turn.holds.push(...removal.holds);
        return this.#runner.seal(activation, turn, { rows: () => removal.rows });
      } catch (error) {
        activation.resetVolatile();
        throw error;
      }
    });
  }

  dropDeadLetter(shard: number, index: number): Promise<void> {
    return this.#onDeadLetter(shard, index, (letter) => {
      const removal = deadLetterRemoval(letter);
      const at = this.#shards.all()[shard]!.shard;
      return this.#o.log.append(at, { timeMs: this.#runner.entryTime(at), ...removal, bodies: [] });
    });
  }

  #onDeadLetter(
    shard: number,
    index: number,
    act: (letter: NonNullable<ReturnType<typeof findDeadLetter>>) => LogIndex,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#dispatcher.enqueue(() => {
        const name = `${shard}.${index}`;
        const letter = shard < this.#shards.count ? findDeadLetter(this.#o.store, shard, index) : undefined;
        if (letter === undefined || this.#lettersEnding.has(name)) {
          return reject(refused('noSuchDeadLetter', `there is no dead letter ${shard}.${index}; list them first`));
        }
        try {
          const after = act(letter);
          this.#lettersEnding.add(name);
          this.#shards.all()[shard]!.gate.after(after, () => {
            this.#lettersEnding.delete(name);
            resolve();
          });
        } catch (error) {
          if (error instanceof InvariantError) throw error;
          reject(error);
        }
      });
    });
  }

  // The parts call each other in a circle: a turn of the runner sends by the channels, whose notices are turns of the
  // runner. So each is handed functions that look the other one up when they are called.

  #newChannels(): Channels {
    const { store, log, clock, limits, reports } = this.#o;
    return new Channels({
      store,
      log,
      shards: this.#shards,
      clock,
      attemptsMax: limits.noticeAttemptsMax,
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
      changed: ({ kind, key }) => {
        for (const changed of this.#kindWatchers.get(kind.kind) ?? []) changed(key);
        if (this.#watchers.size > 0) for (const changed of this.#watchers.get(`${kind.kind}\0${key}`) ?? []) changed();
      },
      announced: ({ kind, key }) => {
        for (const announced of this.#announceWatchers.get(kind.kind) ?? []) announced(key);
      },
    });
  }

  #committed(commits: readonly Commit[]): void {
    try {
      for (const { shard, index } of commits) this.#shards.of(shard).gate.committed(index);
    } catch (error) {
      this.#o.fatal(error);
    }
    this.#dispatcher.wake();
  }

  #collectLater(): void {
    this.#cancelCollect = this.#o.clock.after(this.#o.limits.activationIdleMs / 4, () => {
      this.#activations.collect();
      this.#collectLater();
    });
  }
}
