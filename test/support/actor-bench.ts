/**
 * One actor on a bench: its handlers over rows in memory, without engine, log or store. Time is the test's.
 *
 * Promises: keys order as in the store; values are packed, so that what was read cannot change what is kept; a turn that
 * throws leaves nothing; a turn that reads over its budget throws, as does one that holds a body twice or releases
 * what it does not hold.
 */
import { Continue } from '../../runtime/actor/actor.ts';
import type {
  ActorEvent,
  ActorKind,
  ActorRef,
  ActorRow,
  AnswerTo,
  BodyRef,
  Principal,
  Protocol,
  RangeQuery,
  Turn,
  View,
} from '../../runtime/actor/actor.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { pack, unpack } from '../../runtime/codec/codec.ts';
import { after, below, joinKey, type KeyPart, keyParts, type RowKey, rowKey } from '../../runtime/store/keys.ts';

export interface Told {
  readonly kind: string;
  readonly key: string;
  readonly notice: { readonly kind: string } & Readonly<Record<string, unknown>>;
  readonly bodies: readonly BodyRef[];
}

export interface BenchOptions {
  readonly key?: string;
  readonly nowMs?: number;
  readonly rowsPerTurn?: number;
  readonly rowsPerQuery?: number;
}

/** All own keys have this in front, so that the empty prefix is one too. */
const root = rowKey(['s']);

export class ActorBench<P extends Protocol> {
  readonly kind: ActorKind<P>;
  readonly key: string;
  nowMs: number;
  principal: Principal = { kind: 'operator', id: 'test' };
  /** What was recorded, told and is held, by turns that did not throw. */
  readonly events: ActorEvent[] = [];
  /** Committed turns that said `announce`. */
  announcements = 0;
  readonly told: Told[] = [];
  readonly holds = new Map<string, string>();
  readonly timers = new Map<string, number>();
  /** Of the last command: turns it took, and of its last turn: rows written and rows read. */
  turns = 0;
  rowsWritten = 0;
  rowsRead = 0;
  /** Runs between the turns of a command that continues. */
  betweenTurns: () => void = () => undefined;
  readonly #rows = new Map<RowKey, Uint8Array>();
  #sorted: RowKey[] | null = null;
  readonly #rowsPerTurn: number;
  readonly #rowsPerQuery: number;
  #ids = 0;

  constructor(kind: ActorKind<P>, options: BenchOptions = {}) {
    this.kind = kind;
    this.key = options.key ?? 'key';
    this.nowMs = options.nowMs ?? Date.UTC(2026, 10, 3, 12);
    this.#rowsPerTurn = options.rowsPerTurn ?? 10_000;
    this.#rowsPerQuery = options.rowsPerQuery ?? 10_000;
  }

  /** Runs a command to its end, through all its turns. */
  ask<C extends P['command']>(command: C): AnswerTo<P, C> {
    let next: P['command'] = command;
    this.turns = 0;
    for (;;) {
      const answer = this.#turn((turn) => this.kind.command(turn, next, this.kind.activate?.()));
      this.turns++;
      if (!(answer instanceof Continue)) return answer as AnswerTo<P, C>;
      invariant(this.turns < 100_000, 'a command comes to an end');
      next = answer.command as P['command'];
      this.betweenTurns();
    }
  }

  query<Q extends P['query']>(query: Q): AnswerTo<P, Q> {
    return this.kind.query(this.#view(this.#rowsPerQuery), query) as AnswerTo<P, Q>;
  }

  notify(notice: P['notice']): void {
    this.#turn((turn) => this.kind.notice?.(turn, notice, this.kind.activate?.()));
  }

  /** Lets time pass; timers fire in their order, each in a turn of its own. */
  advance(byMs: number): void {
    const until = this.nowMs + byMs;
    for (let fired = 0; ; fired++) {
      const [name, dueMs] = [...this.timers].sort((a, b) => a[1] - b[1])[0] ?? ['', Number.POSITIVE_INFINITY];
      if (dueMs > until) break;
      invariant(fired < 100_000, 'timers come to rest');
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.timers.delete(name);
      this.#turn((turn) => this.kind.timer?.(turn, name, this.kind.activate?.()));
    }
    this.nowMs = until;
  }

  /** What was told since the last call. */
  takeTold(): Told[] {
    return this.told.splice(0);
  }

  rows<T>(...prefix: KeyPart[]): ActorRow<T>[] {
    return this.#view(Number.POSITIVE_INFINITY).range<T>({ prefix, limit: Number.POSITIVE_INFINITY });
  }

  #turn<T>(run: (turn: Turn) => T): T {
    const undo: (() => void)[] = [];
    const written = new Set<RowKey>();
    const kept: (() => void)[] = [];
    const timers = new Map(this.timers);
    const view = this.#view(this.#rowsPerTurn);
    const write = (key: readonly KeyPart[], value: Uint8Array | undefined): void => {
      const full = joinKey(root, key);
      const before = this.#rows.get(full);
      undo.push(() => this.#set(full, before));
      written.add(full);
      this.#set(full, value);
    };
    const turn: Turn = {
      ...view,
      get rowsLeft() {
        return view.rowsLeft();
      },
      trace: 'trace',
      newId: () => `id${String(++this.#ids).padStart(6, '0')}`,
      put: (key, value) => write(key, pack(value)),
      delete: (key) => write(key, undefined),
      tell: <Q extends Protocol>(ref: ActorRef<Q>, notice: Q['notice'], bodies: readonly BodyRef[] = []) => {
        kept.push(() => this.told.push({ kind: ref.kind, key: ref.key, notice: notice as Told['notice'], bodies }));
      },
      setTimer: (name, dueMs) => void timers.set(name, dueMs),
      clearTimer: (name) => void timers.delete(name),
      record: (event) => void kept.push(() => this.events.push(event)),
      announce: () => void kept.push(() => this.announcements++),
      holdBody: (body, tag) => {
        invariant(!this.holds.has(tag), `tag ${tag} is held once`);
        undo.push(() => void this.holds.delete(tag));
        this.holds.set(tag, body.hash);
      },
      releaseBody: (hash, tag) => {
        invariant(this.holds.get(tag) === hash, `tag ${tag} holds what is released`);
        undo.push(() => void this.holds.set(tag, hash));
        this.holds.delete(tag);
      },
    };
    let result: T;
    try {
      result = run(turn);
    } catch (error) {
      for (const back of undo.reverse()) back();
      throw error;
    }
    for (const keep of kept) keep();
    this.timers.clear();
    for (const [name, dueMs] of timers) this.timers.set(name, dueMs);
    this.rowsWritten = written.size;
    this.rowsRead = this.#rowsPerTurn - view.rowsLeft();
    return result;
  }

  #view(budget: number): View & { rowsLeft(): number } {
    let left = budget;
    const spend = (rows: number): void => {
      left -= rows;
      invariant(left >= 0, 'a turn keeps to its budget of rows');
    };
    return {
      key: this.key,
      nowMs: this.nowMs,
      principal: this.principal,
      rowsLeft: () => left,
      get: <T>(key: readonly KeyPart[]) => {
        spend(1);
        const bytes = this.#rows.get(joinKey(root, key));
        return bytes === undefined ? undefined : (unpack(bytes) as T);
      },
      range: <T>(query: RangeQuery) => {
        const found = this.#range(query);
        spend(found.length);
        return found.map((key) => ({
          key: keyParts(key).slice(1),
          value: unpack(this.#rows.get(key) as Uint8Array) as T,
        }));
      },
    };
  }

  #range({ prefix, from, to, limit, reverse = false }: RangeQuery): RowKey[] {
    this.#sorted ??= [...this.#rows.keys()].sort();
    let { start, end } = below(prefix.length === 0 ? root : joinKey(root, prefix));
    const [first, last] = reverse ? [to, from] : [from, to];
    if (first !== undefined) start = max(start, after(joinKey(root, first)));
    if (last !== undefined) end = min(end, joinKey(root, last));
    const [low, high] = [lowerBound(this.#sorted, start), lowerBound(this.#sorted, end)];
    if (reverse) return this.#sorted.slice(Math.max(low, high - limit), high).reverse();
    return this.#sorted.slice(low, Math.min(high, low + limit));
  }

  #set(key: RowKey, value: Uint8Array | undefined): void {
    const isThere = this.#rows.has(key);
    if (isThere !== (value !== undefined)) this.#sorted = null;
    if (value === undefined) this.#rows.delete(key);
    else this.#rows.set(key, value);
  }
}

const max = (a: RowKey, b: RowKey): RowKey => (a > b ? a : b);
const min = (a: RowKey, b: RowKey): RowKey => (a < b ? a : b);

/** The first place whose key is not below `key`. */
function lowerBound(sorted: readonly RowKey[], key: RowKey): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as RowKey) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
