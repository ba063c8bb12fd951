/**
 * Timers of actors. They are rows; firing one is a turn that deletes its row, so it happens once and survives restarts.
 *
 * Memory does not grow with the number of timers: of each shard that is served only the earliest due time is known, and
 * the store, which orders timers by time, is asked when it comes.
 */
import type { Clock } from '../base/clock.ts';
import { OperationError } from '../base/errors.ts';
import type { ShardId } from '../base/ids.ts';
import { InvariantError } from '../base/invariant.ts';
import { encodeRow } from '../codec/row.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { Activation } from './activation.ts';
import type { ShardLog } from './log.ts';
import type { ShardTable } from './shard-state.ts';
import { runtimeRowVersion, type TimedActor, timerKeys } from './turn.ts';
import type { TurnRunner } from './turn-runner.ts';

/** Timers of one shard that fire before others get a turn. */
const burstMax = 64;
/** Rows of fired timers leave the store with their entry; until then the shard is not asked again sooner than this. */
const recheckMs = 20;
/** A timer whose handler threw is set again this much later. */
const retryMs = 30_000;
/** One that cannot be given to its actor, since this program has no such kind, is put off by this. */
const postponeMs = 86_400_000;
/** The alarm is set for no later than this: the wall clock may jump, and the machine may sleep. */
const alarmMsMax = 60_000;

export interface TimersOptions {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly clock: Clock;
  readonly activate: (kind: string, key: string) => Activation;
  readonly runner: () => TurnRunner;
  /** Runs the work in a loop turn of the dispatcher. */
  readonly enqueue: (work: () => void) => void;
  readonly failed: (kind: string, name: string, error: unknown) => void;
}

export class Timers {
  readonly #o: TimersOptions;
  readonly #nextDueMs: number[];
  #cancelAlarm: (() => void) | undefined;
  #alarmMs = Number.POSITIVE_INFINITY;
  #isStopped = false;
  /** Rows of timers that are being put off. */
  readonly #postponed = new Set<RowKey>();

  constructor(options: TimersOptions) {
    this.#o = options;
    this.#nextDueMs = Array.from({ length: options.shards.count }, () => Number.POSITIVE_INFINITY);
  }

  /** Takes up what earlier leaders left: whatever is due by now fires soon. */
  served(shard: ShardId): void {
    this.#nextDueMs[shard] = this.#firstDue(shard);
    if (this.#nextDueMs[shard] < this.#alarmMs) this.#setAlarm();
  }

  lost(shard: ShardId): void {
    const wasNext = this.#nextDueMs[shard] === this.#alarmMs;
    this.#nextDueMs[shard] = Number.POSITIVE_INFINITY;
    if (wasNext) this.#setAlarm();
  }

  /** Timers of a turn that has just been committed. */
  committed(shard: ShardId, dueMs: readonly number[]): void {
    const earliest = Math.min(...dueMs);
    if (earliest >= this.#nextDueMs[shard]!) return;
    this.#nextDueMs[shard] = earliest;
    if (earliest < this.#alarmMs) this.#setAlarm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelAlarm?.();
  }

  #firstDue(shard: ShardId): number {
    const [first] = this.#o.store.range({ ...below(rowKey([keyspace.timer, shard])), limit: 1 });
    return first === undefined ? Number.POSITIVE_INFINITY : (keyParts(first.key)[2] as number);
  }

  #setAlarm(): void {
    this.#cancelAlarm?.();
    this.#cancelAlarm = undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const dueMs of this.#nextDueMs) if (dueMs < earliest) earliest = dueMs;
    this.#alarmMs = earliest;
    if (earliest === Number.POSITIVE_INFINITY || this.#isStopped) return;
    const delayMs = Math.min(alarmMsMax, Math.max(0, earliest - this.#o.clock.nowMs()));
    this.#cancelAlarm = this.#o.clock.after(delayMs, () => {
      this.#cancelAlarm = undefined;
      this.#alarmMs = Number.POSITIVE_INFINITY;
      this.#o.enqueue(() => this.#fireDue());
    });
  }

  #fireDue(): void {
    if (this.#isStopped) return;
    const nowMs = this.#o.clock.nowMs();
    for (const { shard } of this.#o.shards.served()) {
      if (this.#nextDueMs[shard]! <= nowMs) this.#fireShard(shard, nowMs);
    }
    this.#setAlarm();
  }

  #fireShard(shard: ShardId, nowMs: number): void {
    const { start } = below(rowKey([keyspace.timer, shard]));
    const end = rowKey([keyspace.timer, shard, nowMs + 1]);
    const due = this.#o.store.range({ start, end, limit: burstMax });
    for (const row of due) {
      const [, , dueMs, kind, key, name] = keyParts(row.key) as [string, number, number, string, string, string];
      this.#fire(shard, kind, key, name, dueMs);
    }
    this.#nextDueMs[shard] = due.length > 0 ? nowMs + recheckMs : this.#firstDue(shard);
  }

  #fire(shard: ShardId, kind: string, key: string, name: string, dueMs: number): void {
    let activation: Activation;
    try {
      activation = this.#o.activate(kind, key);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      this.#postpone({ shard, kind: { kind }, key }, name, dueMs, error);
      return;
    }
    const runner = this.#o.runner();
    const begin = () => runner.begin(activation, { kind: 'node', id: 'timer' }, `timer:${name}`);
    const turn = begin();
    // Moved, cleared or fired by an entry that is on its way to the store.
    if (turn.timerDue(name) !== dueMs) return;
    turn.clearTimer(name);
    try {
      activation.kind.timer?.(turn, name, activation.volatile);
      runner.seal(activation, turn);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      activation.resetVolatile();
      this.#o.failed(kind, name, error);
      const again = begin();
      again.setTimer(name, Math.floor(this.#o.clock.nowMs()) + retryMs);
      runner.seal(activation, again);
    }
  }

  /** It may be of a newer program: it is kept, and out of the way of those behind it. */
  #postpone(actor: TimedActor, name: string, dueMs: number, error: unknown): void {
    const { log, shards, runner, failed } = this.#o;
    const { shard } = actor;
    const was = timerKeys(actor, name, dueMs);
    if (this.#postponed.has(was.byTime)) return;
    this.#postponed.add(was.byTime);
    failed(actor.kind.kind, name, error);
    const timeMs = runner().entryTime(shard);
    const laterMs = Math.floor(timeMs) + postponeMs;
    const later = timerKeys(actor, name, laterMs);
    const value = encodeRow(runtimeRowVersion, laterMs);
    const rows = [
      { key: was.byTime, value: null },
      { key: later.byTime, value },
      { key: later.byName, value },
    ];
    const index = log.append(shard, { timeMs, rows, holds: [], bodies: [] });
    shards.of(shard).gate.afterOrLost(index, () => void this.#postponed.delete(was.byTime));
  }
}
