/**
 * Runs the turns of actors and turns what they did into log entries. Commands, notices and timers all pass here,
 * so that the overlay, the budget and the output gate are kept in one place.
 *
 * Leaves to others: when a turn runs (`dispatcher.ts`), commands' dedup (`commands.ts`), sending notices (`channels.ts`).
 */
import type { Clock } from '../base/clock.ts';
import { type LogIndex, logIndex, timeOrderedId } from '../base/ids.ts';
import type { Random } from '../base/random.ts';
import { encodeRow } from '../codec/row.ts';
import { keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoreOp } from '../store/store.ts';
import type { Activation } from './activation.ts';
import type { ActorEvent, BodyAttachment, Principal } from './actor.ts';
import { bodyNotHere, turnTooLarge } from './codes.ts';
import type { ShardLog } from './log.ts';
import type { ShardTable } from './shard-state.ts';
import { ActorTurn, runtimeRowVersion, type Tell } from './turn.ts';

export interface TurnLimits {
  readonly turnRowsReadMax: number;
  readonly turnWriteBytesMax: number;
}

export interface TurnRunnerOptions {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: TurnLimits;
  /** Is this body in the store, or on its way there? */
  readonly hasBody: (hash: string) => boolean;
  /** Rows that carry notices, and the effect that sends them once they are committed. */
  readonly outbox: (activation: Activation, tells: readonly Tell[], trace: string) => Outgoing;
  readonly timersSet: (activation: Activation, dueMs: readonly number[]) => void;
  /** Rows of this actor changed, durably. */
  readonly changed: (activation: Activation) => void;
  /** A turn of this actor that is committed now said `announce`. */
  readonly announced: (activation: Activation) => void;
}

export interface Outgoing {
  readonly rows: readonly StoreOp[];
  readonly holds: ActorTurn['holds'];
  readonly committed: () => void;
}

export interface SealExtras {
  /** Further rows of this entry, e.g. the dedup record. */
  readonly rows?: (index: LogIndex, turn: ActorTurn) => readonly StoreOp[];
  readonly bodies?: readonly BodyAttachment[];
}

/** The smallest step of entry time: many entries may fall into one millisecond, and each is later than the last. */
const entryStepMs = 0.001;

/** A stored line of history: everything one entry says of one subject. */
export interface StoredEvents {
  readonly atMs: number;
  readonly actor: string;
  readonly key: string;
  readonly events: readonly Omit<ActorEvent, 'subject'>[];
}

export class TurnRunner {
  readonly #o: TurnRunnerOptions;

  constructor(options: TurnRunnerOptions) {
    this.#o = options;
  }

  begin(activation: Activation, principal: Principal, trace: string): ActorTurn {
    const { log, clock, random, store, limits } = this.#o;
    const timeMs = this.entryTime(activation.shard);
    activation.lastUsedMs = clock.monotonicMs();
    // Turns that changed nothing leave what they read; who waits for a commit is trimmed by it.
    if (activation.uncommittedEntries === 0) activation.trim(log.committedIndex(activation.shard));
    return new ActorTurn({
      activation,
      store,
      committed: log.committedIndex(activation.shard),
      timeMs,
      principal,
      trace,
      newId: () => timeOrderedId(Math.floor(timeMs), random),
      rowsReadMax: limits.turnRowsReadMax,
    });
  }

  /** Entry time strictly grows per shard, also when the wall clock does not. */
  entryTime(shard: Activation['shard']): number {
    return Math.max(this.#o.clock.nowMs(), this.#o.log.lastTimeMs(shard) + entryStepMs);
  }

  /**
   * Makes the turn's changes an entry of the log. A turn that changed nothing makes none.
   * @returns the entry after which an answer of this turn may leave
   * @throws {OperationError} `turnTooLarge`, `bodyNotHere`: nothing is kept
   */
  seal(activation: Activation, turn: ActorTurn, extras: SealExtras = {}): LogIndex {
    const { log, shards, limits } = this.#o;
    const { shard } = activation;
    const last = log.lastIndex(shard);
    const index = logIndex(last + 1);
    const rows: StoreOp[] = [];
    let bytes = 0;
    for (const [key, value] of turn.puts) {
      const row = value === undefined ? null : encodeRow(activation.kind.rowVersion, value);
      bytes += key.length + (row?.byteLength ?? 0);
      rows.push({ key, value: row });
    }
    if (bytes > limits.turnWriteBytesMax) throw turnTooLarge('write so much');
    const bodies = this.#neededBodies(turn, extras.bodies ?? []);
    // Nothing below this line may refuse: sequences are drawn and the overlay changes.
    for (const [key, dueMs] of turn.timerRows) {
      rows.push({ key, value: dueMs === undefined ? null : encodeRow(runtimeRowVersion, dueMs) });
    }
    this.#eventRows(activation, turn, index, rows);
    const outgoing = turn.tells.length === 0 ? undefined : this.#o.outbox(activation, turn.tells, turn.trace);
    if (outgoing !== undefined) rows.push(...outgoing.rows);
    if (extras.rows !== undefined) rows.push(...extras.rows(index, turn));
    const holds = outgoing === undefined ? turn.holds : [...turn.holds, ...outgoing.holds];
    if (rows.length === 0 && holds.length === 0) return last;

    for (const [key, value] of turn.puts) activation.remember(key, value, index);
    for (const [key, dueMs] of turn.timerRows) activation.remember(key, dueMs, index);
    activation.uncommittedEntries++;
    log.append(shard, { timeMs: turn.timeMs, rows, holds, bodies });
    shards.of(shard).gate.after(index, () => {
      activation.uncommittedEntries--;
      activation.trim(index);
      if (turn.timersSet.length > 0) this.#o.timersSet(activation, turn.timersSet);
      outgoing?.committed();
      this.#o.changed(activation);
      if (turn.isAnnounced) this.#o.announced(activation);
    });
    return index;
  }

  #neededBodies(turn: ActorTurn, attached: readonly BodyAttachment[]): readonly BodyAttachment[] {
    if (turn.bodiesNeeded.size === 0) return [];
    const bodies = attached.filter((body) => turn.bodiesNeeded.has(body.hash));
    for (const hash of turn.bodiesNeeded) {
      if (!bodies.some((body) => body.hash === hash) && !this.#o.hasBody(hash)) throw bodyNotHere(hash);
    }
    return bodies;
  }

  #eventRows(activation: Activation, turn: ActorTurn, index: LogIndex, rows: StoreOp[]): void {
    const bySubject = new Map<string, Omit<ActorEvent, 'subject'>[]>();
    for (const { subject, kind, detail } of turn.events) {
      const lines = bySubject.get(subject);
      if (lines === undefined) bySubject.set(subject, [{ kind, detail }]);
      else lines.push({ kind, detail });
    }
    for (const [subject, events] of bySubject) {
      const key: RowKey = rowKey([keyspace.event, activation.shard, subject, index]);
      const stored: StoredEvents = { atMs: turn.nowMs, actor: activation.kind.kind, key: activation.key, events };
      rows.push({ key, value: encodeRow(runtimeRowVersion, stored) });
    }
  }
}
