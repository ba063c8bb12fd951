/**
 * The whole actor contract, on one screen.
 *
 *      ask(ref, command)                                    answer
 *            |                                                ^
 *            v                                                |   output gate: leaves only when every
 *        [backlog] --> turn: handler(turn, command)           |   entry it could have seen is committed
 *                        | get / range   see the overlay      |
 *                        | put / delete                       |
 *                        | tell / after / record              |
 *                        v                                    |
 *                   [write-set] --> log entry --> committed --+--> outbox sends, timers, events
 *
 *      query(ref, query): sees committed rows only, changes nothing, answers at once.
 *
 * A handler is a plain synchronous function: no I/O, no promise, no clock of its own. If it throws, nothing of its
 * turn is kept; an `OperationError` reaches whoever asked, anything else is answered as `internal` and logged.
 *
 * Leaves to others: which node runs an actor (`cluster/`), how a write-set becomes durable (`log.ts`).
 */
import type { KeyPart } from '../store/keys.ts';
import type { Copies } from './request.ts';

interface Kinded {
  readonly kind: string;
}

/** What an actor can be asked and told. An actor's `protocol.ts` declares one of these, and `defineActor`s it. */
export interface Protocol {
  /** Changes the actor. Retried with the same id it has its effect once. */
  readonly command: Kinded;
  /** Reads committed state. */
  readonly query: Kinded;
  /** Told by another actor, exactly once and in order per pair of shards; it has no answer. */
  readonly notice: Kinded;
  /** Kind of command or query -> its answer. */
  readonly answers: object;
}

export type AnswerTo<P extends Protocol, M extends Kinded> = M['kind'] extends keyof P['answers']
  ? P['answers'][M['kind']]
  : never;

/** The name of one actor. `protocol` exists for the compiler only. */
export interface ActorRef<P extends Protocol = Protocol> {
  readonly kind: string;
  /** Well-formed text without U+0000 to U+0004, of 1 to 320 bytes; else `badActorKey`. */
  readonly key: string;
  readonly protocol?: P;
}

/** A kind's public handle: `mailboxes.ref(id)`. */
export interface ActorName<P extends Protocol> {
  readonly kind: string;
  ref(key: string): ActorRef<P>;
}

export function defineActor<P extends Protocol>(kind: string): ActorName<P> {
  return { kind, ref: (key) => ({ kind, key }) };
}

/** Who asks. Edges and the admin API make it; actors decide by it. */
export interface Principal {
  readonly kind: 'node' | 'operator' | 'account' | 'anonymous';
  readonly id: string;
}

/** A line of a subject's history (for a mail: its id). Rides in the write-set, so it is as durable as the effect. */
export interface ActorEvent {
  readonly subject: string;
  readonly kind: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** A body by its content hash (SHA-256, base64url) and its length in bytes. */
export interface BodyRef {
  readonly hash: string;
  readonly sizeBytes: number;
}

export interface RangeQuery {
  /** All rows whose keys begin with these parts and have at least one more. Empty: all rows of the actor. */
  readonly prefix: readonly KeyPart[];
  /** Read on behind this key (in front of it when `reverse`). */
  readonly from?: readonly KeyPart[];
  /** Stop in front of this key (behind it when `reverse`). */
  readonly to?: readonly KeyPart[];
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface ActorRow<T> {
  readonly key: readonly KeyPart[];
  readonly value: T;
}

/** What a query sees: the actor's own committed rows. A value that was read must not be changed in place. */
export interface View {
  readonly key: string;
  /** Time of the turn, in ms since 1970: for a command the entry's time, which strictly grows per shard. */
  readonly nowMs: number;
  readonly principal: Principal;
  get<T>(key: readonly KeyPart[]): T | undefined;
  range<T>(query: RangeQuery): ActorRow<T>[];
}

/** What a command sees and may do. Reads include what earlier turns wrote, committed or not. */
export interface Turn extends View {
  /** Ties log lines and events to one request. */
  readonly trace: string;
  /** A cluster-unique id, its text order being its time order. */
  newId(): string;
  put(key: readonly KeyPart[], value: unknown): void;
  delete(key: readonly KeyPart[]): void;
  /** Sends a notice once this turn is committed. `bodies` stay referenced while it is on its way. */
  tell<P extends Protocol>(ref: ActorRef<P>, notice: P['notice'], bodies?: readonly BodyRef[]): void;
  /** Sets (or moves) the timer of that name. Survives restarts; fires once, not before `dueMs`. */
  setTimer(name: string, dueMs: number): void;
  clearTimer(name: string): void;
  record(event: ActorEvent): void;
  /**
   * Once this turn is committed, tells whoever watches the kind that there is work here for somebody outside (a courier).
   * Not kept: after a crash a timer has to say it again.
   */
  announce(): void;
  /** Keeps a body alive under a tag of the actor's own until `releaseBody` with the same tag. */
  holdBody(body: BodyRef, tag: string): void;
  releaseBody(hash: string, tag: string): void;
  /** Rows that the turn may still read before its budget is spent: bulk work stops early and continues. */
  readonly rowsLeft: number;
}

/**
 * Returned by a handler instead of an answer: commit what was done, let others have a turn, then run `command`. A chain
 * that a crash cuts off begins anew with its first command when that is sent again: each turn must bear being repeated.
 */
export class Continue<C> {
  readonly command: C;
  constructor(command: C) {
    this.command = command;
  }
}

/** One kind of actor. `A` is what an activation keeps in memory: a cache or volatile state, never the truth. */
export interface ActorKind<P extends Protocol = Protocol, A = unknown> {
  readonly kind: string;
  /** Version given to rows written now (0 … 255). */
  readonly rowVersion: number;
  /** Makes a row of an older version look like one of `rowVersion`. Needed from `rowVersion` 2 on. */
  upgradeRow?(value: unknown, fromVersion: number, key: readonly KeyPart[]): unknown;
  /** Volatile parts of a new activation. */
  activate?(): A;
  command(turn: Turn, command: P['command'], activation: A): unknown;
  query(view: View, query: P['query']): unknown;
  notice?(turn: Turn, notice: P['notice'], activation: A): void;
  timer?(turn: Turn, name: string, activation: A): void;
}

export interface BodyAttachment {
  readonly hash: string;
  readonly bytes: Uint8Array;
}

export interface AskOptions {
  readonly principal: Principal;
  readonly trace?: string;
  /** After this the caller gets `deadlinePassed` (transient); the command may still happen. Default 30 s. */
  readonly timeoutMs?: number;
  /** Bodies that the command names and that the store may not have yet. */
  readonly bodies?: readonly BodyAttachment[];
  /** Told with the answer to a command, before the promise settles. */
  readonly onCopies?: (copies: Copies) => void;
}

/** What edges and tools hold of the actor world; the same in the core and in a worker. */
export interface Actors {
  /** @throws {OperationError} what the actor refused, or a transient code: the effect is then unknown or none */
  ask<P extends Protocol, const C extends P['command']>(
    ref: ActorRef<P>,
    command: C,
    options: AskOptions,
  ): Promise<AnswerTo<P, C>>;
  query<P extends Protocol, const Q extends P['query']>(
    ref: ActorRef<P>,
    query: Q,
    options: AskOptions,
  ): Promise<AnswerTo<P, Q>>;
}
