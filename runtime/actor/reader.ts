/** Reading an actor's rows: decoding, checksums and upgrades in one place. */
import { invariant } from '../base/invariant.ts';
import { decodeRow, RottenRowError } from '../codec/row.ts';
import { after, below, joinKey, type KeyPart, keyParts, type RowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { ActorKind, ActorRow, Principal, RangeQuery, View } from './actor.ts';
import { rowDamaged, turnTooLarge } from './codes.ts';

/** Number of parts in front of an actor's own: keyspace, shard, kind, actor key. */
const prefixParts = 4;

export const ownParts = (key: RowKey): KeyPart[] => keyParts(key).slice(prefixParts);

/** @throws {OperationError} `rowDamaged` */
export function decodeActorRow(kind: ActorKind, key: RowKey, bytes: Uint8Array): unknown {
  let row;
  try {
    row = decodeRow(bytes);
  } catch (error) {
    if (error instanceof RottenRowError) throw rowDamaged(error);
    throw error;
  }
  if (row.version === kind.rowVersion) return row.value;
  invariant(row.version < kind.rowVersion, `a row of ${kind.kind} is not newer than this program`);
  invariant(kind.upgradeRow, `${kind.kind} can read the rows of its older versions`);
  return kind.upgradeRow(row.value, row.version, ownParts(key));
}

export interface KeyRange {
  readonly start: RowKey;
  readonly end: RowKey;
}

/** The keys that a range query asks for. */
export function keyRange(prefix: RowKey, query: RangeQuery): KeyRange {
  const inner = query.prefix.length === 0 ? prefix : joinKey(prefix, query.prefix);
  let { start, end } = below(inner);
  const from = query.from === undefined ? undefined : joinKey(prefix, query.from);
  const to = query.to === undefined ? undefined : joinKey(prefix, query.to);
  if (query.reverse) {
    if (from !== undefined && from < end) end = from;
    if (to !== undefined && to >= start) start = after(to);
  } else {
    if (from !== undefined && from >= start) start = after(from);
    if (to !== undefined && to < end) end = to;
  }
  return { start, end };
}

/** Committed rows of one actor: what a query sees. */
export class CommittedView implements View {
  readonly key: string;
  readonly nowMs: number;
  readonly principal: Principal;
  readonly #kind: ActorKind;
  readonly #prefix: RowKey;
  readonly #store: ReadableStore;
  #rowsLeft: number;

  constructor(options: {
    readonly kind: ActorKind;
    readonly key: string;
    readonly prefix: RowKey;
    readonly store: ReadableStore;
    readonly nowMs: number;
    readonly principal: Principal;
    readonly rowsReadMax: number;
  }) {
    this.key = options.key;
    this.nowMs = options.nowMs;
    this.principal = options.principal;
    this.#kind = options.kind;
    this.#prefix = options.prefix;
    this.#store = options.store;
    this.#rowsLeft = options.rowsReadMax;
  }

  get<T>(key: readonly KeyPart[]): T | undefined {
    this.#spend(1);
    const full = joinKey(this.#prefix, key);
    const bytes = this.#store.get(full);
    return bytes === undefined ? undefined : (decodeActorRow(this.#kind, full, bytes) as T);
  }

  range<T>(query: RangeQuery): ActorRow<T>[] {
    const { start, end } = keyRange(this.#prefix, query);
    if (start >= end) return [];
    const reverse = query.reverse ?? false;
    const rows = this.#store.range({ start, end, limit: query.limit, reverse });
    this.#spend(rows.length);
    return rows.map(({ key, value }) => ({
      key: ownParts(key),
      value: decodeActorRow(this.#kind, key, value) as T,
    }));
  }

  #spend(rows: number): void {
    this.#rowsLeft -= rows;
    if (this.#rowsLeft < 0) throw turnTooLarge('read so many rows');
  }
}
