/** One turn of one actor: reads through the overlay, collects what the handler wants changed, changes nothing itself. */
import type { LogIndex, ShardId } from '../base/ids.ts';
import { joinKey, type KeyPart, keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { Activation } from './activation.ts';
import type { ActorEvent, ActorRef, ActorRow, BodyRef, Principal, Protocol, RangeQuery, Turn } from './actor.ts';
import { turnTooLarge } from './codes.ts';
import type { BodyHold } from './log.ts';
import { decodeActorRow, keyRange, ownParts } from './reader.ts';

export interface Tell {
  readonly kind: string;
  readonly key: string;
  readonly notice: { readonly kind: string };
  readonly bodies: readonly BodyRef[];
}

/** Whose timer it is; an `Activation` is one. */
export interface TimedActor {
  readonly shard: ShardId;
  readonly kind: { readonly kind: string };
  readonly key: string;
}

/** The row that says when a named timer is due, and the row that orders timers by time. */
export function timerKeys(actor: TimedActor, name: string, dueMs: number): { byName: RowKey; byTime: RowKey } {
  const { shard, kind, key } = actor;
  return {
    byName: rowKey([keyspace.timerName, shard, kind.kind, key, name]),
    byTime: rowKey([keyspace.timer, shard, dueMs, kind.kind, key, name]),
  };
}

export interface TurnOptions {
  readonly activation: Activation;
  readonly store: ReadableStore;
  readonly committed: LogIndex;
  /** Entry time, with fractions. */
  readonly timeMs: number;
  readonly principal: Principal;
  readonly trace: string;
  readonly newId: () => string;
  readonly rowsReadMax: number;
}

export class ActorTurn implements Turn {
  readonly key: string;
  readonly nowMs: number;
  readonly timeMs: number;
  readonly principal: Principal;
  readonly trace: string;
  readonly newId: () => string;
  /** Own rows; undefined deletes. */
  readonly puts = new Map<RowKey, unknown>();
  /** Rows outside the actor's own range: timers. */
  readonly timerRows = new Map<RowKey, number | undefined>();
  readonly timersSet: number[] = [];
  readonly tells: Tell[] = [];
  readonly events: ActorEvent[] = [];
  readonly holds: BodyHold[] = [];
  /** Whether watchers of the kind are to be told once this turn is committed. */
  isAnnounced = false;
  /** Bodies that must be stored when this turn commits. */
  readonly bodiesNeeded = new Set<string>();
  readonly #activation: Activation;
  readonly #store: ReadableStore;
  readonly #committed: LogIndex;
  #rowsLeft: number;

  constructor(options: TurnOptions) {
    this.#activation = options.activation;
    this.#store = options.store;
    this.#committed = options.committed;
    this.#rowsLeft = options.rowsReadMax;
    this.key = options.activation.key;
    this.timeMs = options.timeMs;
    this.nowMs = Math.floor(options.timeMs);
    this.principal = options.principal;
    this.trace = options.trace;
    this.newId = options.newId;
  }

  /** Whether running it again would do something again. */
  get hasChanges(): boolean {
    const { puts, timerRows, tells, holds, events } = this;
    return puts.size > 0 || timerRows.size > 0 || tells.length > 0 || holds.length > 0 || events.length > 0;
  }

  get rowsLeft(): number {
    return this.#rowsLeft;
  }

  get<T>(key: readonly KeyPart[]): T | undefined {
    const full = joinKey(this.#activation.prefix, key);
    if (this.puts.has(full)) return this.puts.get(full) as T | undefined;
    const cached = this.#activation.rows.get(full);
    if (cached !== undefined) return cached.value as T | undefined;
    this.#spend(1);
    const bytes = this.#store.get(full);
    if (bytes === undefined) return undefined;
    const value = decodeActorRow(this.#activation.kind, full, bytes);
    this.#activation.remember(full, value, 0 as LogIndex);
    return value as T;
  }

  range<T>(query: RangeQuery): ActorRow<T>[] {
    const { start, end } = keyRange(this.#activation.prefix, query);
    if (start >= end) return [];
    const overlay = this.#overlay(start, end);
    const reverse = query.reverse ?? false;
    // Each deletion in the overlay may hide one stored row. Those are read on top and not charged: a long chain of turns
    // leaves many of them behind until its first entries commit.
    let hidden = 0;
    for (const value of overlay.values()) if (value === undefined) hidden++;
    const stored = this.#store.range({ start, end, limit: query.limit + hidden, reverse });
    this.#spend(Math.min(stored.length, query.limit));
    const kind = this.#activation.kind;
    if (overlay.size === 0) {
      return stored.map((row) => ({ key: ownParts(row.key), value: decodeActorRow(kind, row.key, row.value) as T }));
    }
    const merged = new Map<RowKey, unknown>(overlay);
    for (const row of stored) {
      if (!overlay.has(row.key)) merged.set(row.key, decodeActorRow(kind, row.key, row.value));
    }
    const keys = [...merged.keys()].filter((key) => merged.get(key) !== undefined).sort();
    if (reverse) keys.reverse();
    return keys.slice(0, query.limit).map((key) => ({ key: ownParts(key), value: merged.get(key) as T }));
  }

  put(key: readonly KeyPart[], value: unknown): void {
    this.puts.set(joinKey(this.#activation.prefix, key), value);
  }

  delete(key: readonly KeyPart[]): void {
    this.puts.set(joinKey(this.#activation.prefix, key), undefined);
  }

  tell<P extends Protocol>(ref: ActorRef<P>, notice: P['notice'], bodies: readonly BodyRef[] = []): void {
    for (const body of bodies) this.bodiesNeeded.add(body.hash);
    this.tells.push({ kind: ref.kind, key: ref.key, notice, bodies });
  }

  setTimer(name: string, dueMs: number): void {
    this.clearTimer(name);
    const { byName, byTime } = timerKeys(this.#activation, name, dueMs);
    this.timerRows.set(byName, dueMs);
    this.timerRows.set(byTime, dueMs);
    this.timersSet.push(dueMs);
  }

  clearTimer(name: string): void {
    const dueMs = this.timerDue(name);
    if (dueMs === undefined) return;
    const { byName, byTime } = timerKeys(this.#activation, name, dueMs);
    this.timerRows.set(byName, undefined);
    this.timerRows.set(byTime, undefined);
  }

  /** When a timer is due, as this turn sees it. */
  timerDue(name: string): number | undefined {
    const { byName } = timerKeys(this.#activation, name, 0);
    if (this.timerRows.has(byName)) return this.timerRows.get(byName);
    const cached = this.#activation.rows.get(byName);
    if (cached !== undefined) return cached.value as number | undefined;
    const bytes = this.#store.get(byName);
    const dueMs = bytes === undefined ? undefined : (decodeActorRow(timerRowKind, byName, bytes) as number);
    this.#activation.remember(byName, dueMs, 0 as LogIndex);
    return dueMs;
  }

  announce(): void {
    this.isAnnounced = true;
  }

  record(event: ActorEvent): void {
    this.events.push(event);
  }

  holdBody(body: BodyRef, tag: string): void {
    this.bodiesNeeded.add(body.hash);
    this.#hold(body.hash, tag, true);
  }

  releaseBody(hash: string, tag: string): void {
    this.#hold(hash, tag, false);
  }

  #hold(hash: string, tag: string, held: boolean): void {
    const { shard, kind, key } = this.#activation;
    this.holds.push({ hash, owner: [shard, kind.kind, key, tag], held });
  }

  /** What lies over the committed rows between two keys. */
  #overlay(start: RowKey, end: RowKey): Map<RowKey, unknown> {
    const overlay = new Map<RowKey, unknown>();
    for (const [key, row] of this.#activation.rows) {
      if (row.index > this.#committed && key >= start && key < end) overlay.set(key, row.value);
    }
    for (const [key, value] of this.puts) {
      if (key >= start && key < end) overlay.set(key, value);
    }
    return overlay;
  }

  #spend(rows: number): void {
    this.#rowsLeft -= rows;
    if (this.#rowsLeft < 0) throw turnTooLarge('read so many rows');
  }
}

/** Version of the rows that the runtime itself writes. */
export const runtimeRowVersion = 1;
const timerRowKind = { kind: 'timer', rowVersion: runtimeRowVersion, command: () => null, query: () => null };
