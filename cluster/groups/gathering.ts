/**
 * What the next transaction will write, gathered over a loop turn or while the one before is on its way.
 *
 * Promises: entries go in the order in which they came; what is truncated before it is written is never written.
 * Leaves to others: making rows of it (`writer.ts`).
 */
import type { BodyAttachment } from '../../runtime/actor/actor.ts';
import type { LogIndex, ShardId } from '../../runtime/base/ids.ts';
import { isBodyBytes } from '../../runtime/store/body-rows.ts';
import { keyspace } from '../../runtime/store/keys.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import type { Position } from '../raft/protocol.ts';
import type { HostedGroup, KeptEntry } from './hosted-group.ts';

export interface GatheredEntry {
  readonly group: HostedGroup;
  readonly entry: KeptEntry;
  readonly isCarried: boolean;
  /** Of the transaction's bound: payload and the bodies that it brings. */
  readonly bytes: number;
  readonly order: number;
}

export interface Taken {
  readonly entries: readonly GatheredEntry[];
  readonly truncations: readonly (readonly [ShardId, number])[];
  readonly marked: readonly HostedGroup[];
  readonly applied: readonly (readonly [ShardId, number])[];
  /** States that were given up for a copy that begins behind the place. */
  readonly givenUp: readonly (readonly [ShardId, number, number])[];
  /** Rows of the host, for the layers. */
  readonly rows: readonly StoreOp[];
  /** Bytes of bodies that are staged: straight into the tree. */
  readonly direct: readonly StoreOp[];
  /** Brought by entries that are gone again; somebody may count on them. */
  readonly bodies: readonly BodyAttachment[];
  /** Called once it is durable. */
  readonly whenDurable: readonly (() => void)[];
  readonly bytes: number;
  /** All that was gathered up to here is in it. */
  readonly order: number;
}

export class Gathering {
  #entries: GatheredEntry[] = [];
  #carried: GatheredEntry[] = [];
  #truncations = new Map<ShardId, LogIndex>();
  #marked = new Set<HostedGroup>();
  #applied = new Map<ShardId, number>();
  #givenUp = new Map<ShardId, Position>();
  #appliedRows = 0;
  #rows: StoreOp[] = [];
  #direct: StoreOp[] = [];
  #bodies: BodyAttachment[] = [];
  #then: (() => void)[] = [];
  #order = 0;

  /** What is gathered from now on comes behind it. */
  get order(): number {
    return this.#order;
  }

  /** Whether a transaction has to be made soon. What was applied can wait for the next one. */
  get hasWork(): boolean {
    return (
      this.#entries.length > 0 ||
      this.#marked.size > 0 ||
      this.#truncations.size > 0 ||
      this.#givenUp.size > 0 ||
      this.#rows.length > 0 ||
      this.#direct.length > 0 ||
      this.#then.length > 0
    );
  }

  /** Something was applied that no batch says yet. */
  get hasApplied(): boolean {
    return this.#applied.size > 0;
  }

  /** Rows applied since they were asked for: what a checkpoint has to keep up with. */
  takeAppliedRows(): number {
    const rows = this.#appliedRows;
    this.#appliedRows = 0;
    return rows;
  }

  append(group: HostedGroup, entry: KeptEntry, isCarried = false): void {
    const { payload } = entry;
    const bytes = payload === null ? entry.bytes : payload.rowBytes + payload.bodyBytes;
    this.#entries.push({ group, entry, isCarried, bytes, order: ++this.#order });
  }

  /** Said again, since its batch goes with the transaction that is being made: it is in that one whatever the bounds. */
  carry(group: HostedGroup, entry: KeptEntry): void {
    this.#carried.push({ group, entry, isCarried: true, bytes: entry.bytes, order: 0 });
  }

  /** Entries of the group from `from` on are gone. */
  truncate(group: HostedGroup, from: LogIndex): void {
    this.#order++;
    const before = this.#truncations.get(group.shard);
    if (before === undefined || from < before) this.#truncations.set(group.shard, from);
    this.#drop(group, ({ index }) => index >= from);
  }

  /** Entries up to `base` are no part of the log any more: a copy begins behind them. */
  giveUp(group: HostedGroup, base: Position): void {
    this.#order++;
    this.#givenUp.set(group.shard, base);
    this.#drop(group, ({ index }) => index <= base.index);
  }

  /** The group's mark changed; what it is when the transaction is made is written. */
  marked(group: HostedGroup): void {
    this.#order++;
    this.#marked.add(group);
  }

  applied(shard: ShardId, index: LogIndex, rows: number): void {
    this.#applied.set(shard, index);
    this.#appliedRows += rows;
  }

  row(op: StoreOp): void {
    this.#order++;
    this.#rows.push(op);
  }

  direct(op: StoreOp): void {
    this.#order++;
    this.#direct.push(op);
  }

  add(ops: readonly StoreOp[]): void {
    for (const op of ops) (isDirect(op) ? this.#direct : this.#rows).push(op);
    this.#order++;
  }

  /** Calls `done` when all that is gathered so far is durable. */
  whenDurable(done: () => void): void {
    this.#order++;
    this.#then.push(done);
  }

  take(bytesMax: number): Taken {
    let bytes = 0;
    let count = 0;
    for (const gathered of this.#entries) {
      if (count > 0 && bytes + gathered.bytes > bytesMax) break;
      bytes += gathered.bytes;
      count++;
    }
    for (const { value } of this.#rows) bytes += value?.byteLength ?? 0;
    for (const { value } of this.#direct) bytes += value?.byteLength ?? 0;
    const isAll = count === this.#entries.length;
    const entries = isAll ? this.#entries : this.#entries.slice(0, count);
    const taken: Taken = {
      entries: this.#carried.length === 0 ? entries : [...this.#carried, ...entries],
      truncations: [...this.#truncations],
      marked: [...this.#marked],
      applied: [...this.#applied],
      givenUp: [...this.#givenUp].map(([shard, { index, term }]) => [shard, index, term] as const),
      rows: this.#rows,
      direct: this.#direct,
      bodies: this.#bodies,
      whenDurable: isAll ? this.#then : [],
      bytes,
      order: isAll ? this.#order : (entries.at(-1)?.order ?? 0),
    };
    this.#entries = isAll ? [] : this.#entries.slice(count);
    this.#carried = [];
    this.#truncations = new Map();
    this.#marked = new Set();
    this.#applied = new Map();
    this.#givenUp = new Map();
    this.#rows = [];
    this.#direct = [];
    this.#bodies = [];
    if (isAll) this.#then = [];
    return taken;
  }

  /** Their bodies stay: an entry of another group may count on one that was to come with them. */
  #drop(group: HostedGroup, isGone: (entry: KeptEntry) => boolean): void {
    this.#entries = this.#entries.filter(({ group: of, entry }) => {
      if (of !== group || !isGone(entry)) return true;
      this.#bodies.push(...(entry.payload?.bodies ?? []));
      return false;
    });
  }
}

/** Bytes of bodies go into the tree once; what is staged is there, too, and not in the layers. */
export function isDirect({ key, value }: StoreOp): boolean {
  return (isBodyBytes(key) && value !== null) || key.startsWith(`${keyspace.staged}\0`);
}
