/**
 * Gives the state of a shard to a follower that needs it, part by part as it asks.
 *
 * Promises: two copies at once at most; what is read is committed, and each row passes its checksum: rot is not handed on;
 * the log behind the base is kept meanwhile (`compaction.ts`).
 * Leaves to others: asking again after a broken link (`copy-receiving.ts`), so that nothing is remembered here.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { openRow, RottenRowError } from '../../runtime/codec/row.ts';
import type { RowKey } from '../../runtime/store/keys.ts';
import type { ReadableStore } from '../../runtime/store/layered-store.ts';
import { readPart } from './copy-parts.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import { type CopyPart, encodeHost } from './wire.ts';

const copiesMax = 2;
/** A copy that asks nothing for so long gives its place to another. */
const quietMsMax = 10_000;

interface Asked {
  readonly group: HostedGroup;
  readonly to: NodeId;
  readonly base: number;
  readonly after: string | null;
}

export interface CopySendingOptions {
  readonly store: ReadableStore;
  readonly outgoing: Outgoing;
  readonly clock: Clock;
  /** A row of the state is rotten here: this node has no copy to give. */
  readonly rotten: (group: HostedGroup, key: RowKey) => void;
}

export class CopySending {
  readonly #o: CopySendingOptions;
  /** When each copy under way asked last. */
  readonly #active = new Map<string, number>();
  readonly #waiting = new Map<string, Asked>();

  constructor(options: CopySendingOptions) {
    this.#o = options;
  }

  get active(): number {
    return this.#active.size;
  }

  wanted(group: HostedGroup, to: NodeId, base: number, after: string | null): void {
    const nowMs = this.#o.clock.monotonicMs();
    for (const [name, atMs] of this.#active) if (nowMs - atMs > quietMsMax) this.#active.delete(name);
    const name = nameOf(group, to);
    const asked = { group, to, base, after };
    if (!this.#active.has(name) && this.#active.size >= copiesMax) this.#waiting.set(name, asked);
    else this.#give(name, asked);
  }

  ended(group: HostedGroup, to: NodeId): void {
    this.#active.delete(nameOf(group, to));
    for (const [name, asked] of this.#waiting) {
      if (this.#active.size >= copiesMax) return;
      this.#waiting.delete(name);
      this.#give(name, asked);
    }
  }

  #give(name: string, { group, to, base, after }: Asked): void {
    const { shard, applied, raft } = group;
    // It asks again, or is told by another leader to begin anew. Served or not: what is applied is committed, and the leader
    // may need just this member for a majority.
    if (raft.role !== 'leader' || applied.index < base) return;
    const { store, outgoing, clock, rotten } = this.#o;
    const { rows, next, isLast } = readPart(store, shard, after);
    const bad = rows.find(({ value }) => isRotten(value));
    if (bad !== undefined) {
      this.#active.delete(name);
      rotten(group, bad.key);
      return;
    }
    this.#active.set(name, clock.monotonicMs());
    const end = isLast ? { index: applied.index, hash: applied.hash, timeMs: applied.timeMs } : null;
    let bytes = 0;
    const flat: (string | Uint8Array)[] = [];
    for (const { key, value } of rows) {
      flat.push(key, value);
      bytes += key.length + value.byteLength;
    }
    const part: CopyPart = { rows: flat, next, end };
    outgoing.send(to, 'bulk', encodeHost(shard, { kind: 'copy', base, after, part }), bytes);
  }
}

function isRotten(row: Uint8Array): boolean {
  try {
    openRow(row);
    return false;
  } catch (error) {
    if (error instanceof RottenRowError) return true;
    throw error;
  }
}

const nameOf = ({ shard }: HostedGroup, to: NodeId): string => `${shard} ${to}`;
