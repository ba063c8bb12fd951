/**
 * Which batches of the log go, and what of theirs goes on living in a new one.
 *
 * Promises: a batch goes only when the tree has all that it says; entries that are not applied yet, or that a living
 * follower still needs within a bound, are said again in the batch that takes the old one away. So the oldest batch
 * can always go, and one slow shard never pins the batches of all others.
 */
import { logIndex, type LogIndex } from '../../runtime/base/ids.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import { batchDeletes } from './batch.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { EntryCache } from './entry-cache.ts';
import type { Gathering } from './gathering.ts';
import type { HostedGroup, KeptEntry } from './hosted-group.ts';

/** Group commits kept behind the newest: what a follower that was away reads on from. */
export const batchesKept = 256;
/**
 * Every so many batches some of the oldest go: half as many again as came, so that those which a checkpoint lets go of
 * are gone before the next one is through. Few at a time, since LMDB looks over all free pages that it has in hand in
 * every transaction: with all of a checkpoint's at once (900 runs of pages) each commit took 0.13 ms more, and a mail at
 * 10 sessions 504 us of CPU where it takes 442. Not with every batch, since each time the first page of the log is written.
 */
export const compactedEvery = 8;
const compactedAtOnce = 12;
/** Bytes of entries that are kept for one lagging follower; a copy of the state costs less than more of them. */
const wantedBytesMax = 16 * 1024 * 1024;
/** And for one that takes a copy: what it needs behind it must be there when the copy ends. */
const copyTailBytesMax = 256 * 1024 * 1024;

export interface KeptBatch {
  readonly batch: number;
  readonly entries: readonly { readonly group: HostedGroup; readonly entry: KeptEntry }[];
}

export class Compaction {
  readonly #checkpoints: Checkpoints;
  readonly #gathering: Gathering;
  readonly #cache: EntryCache;
  readonly #batchesKept: number;
  /** Batches on disk, oldest first. */
  readonly #batches: KeptBatch[];

  constructor(
    batches: KeptBatch[],
    of: { checkpoints: Checkpoints; gathering: Gathering; cache: EntryCache; batchesKept: number },
  ) {
    this.#batches = batches;
    this.#batchesKept = of.batchesKept;
    this.#checkpoints = of.checkpoints;
    this.#gathering = of.gathering;
    this.#cache = of.cache;
  }

  get kept(): number {
    return this.#batches.length;
  }

  written(batch: KeptBatch): void {
    this.#batches.push(batch);
  }

  /**
   * For the transaction of batch `next`, before its entries are taken.
   * @returns deletes of batches, and how far each group's log may go
   */
  compact(next: number): { readonly ops: StoreOp[]; readonly upTo: ReadonlyMap<HostedGroup, LogIndex> } {
    const ops: StoreOp[] = [];
    const upTo = new Map<HostedGroup, LogIndex>();
    if (next % compactedEvery !== 0) return { ops, upTo };
    const wanted = new Map<HostedGroup, number>();
    for (let count = 0; count < compactedAtOnce && this.#batches.length > this.#batchesKept; count++) {
      const { batch, entries } = this.#batches[0]!;
      if (batch > this.#checkpoints.appliedBatch) break;
      this.#batches.shift();
      ops.push(...batchDeletes(batch));
      for (const { group, entry } of entries) {
        // It was truncated, or is said in a later batch already.
        if (entry.batch !== batch || group.entry(entry.index) !== entry) continue;
        let from = wanted.get(group);
        if (from === undefined) {
          from = neededFrom(group);
          wanted.set(group, from);
        }
        if (entry.index >= from) this.#carry(group, entry);
        else if (entry.index > (upTo.get(group) ?? 0)) upTo.set(group, entry.index);
      }
    }
    return { ops, upTo };
  }

  #carry(group: HostedGroup, entry: KeptEntry): void {
    // Damaged ones go on as heads: the leader brings the rest.
    entry.payload ??= this.#cache.readBack(group, entry);
    this.#gathering.carry(group, entry);
  }
}

/** The first entry that must stay. */
function neededFrom(group: HostedGroup): number {
  let from = logIndex(group.treeApplied + 1);
  if (group.raft.role !== 'leader') return from;
  const { log } = group.raft;
  for (const { isAlive, match, snapshotBase } of group.raft.followers.values()) {
    const needs = (snapshotBase?.index ?? match) + 1;
    if (!isAlive || needs >= from || needs < group.firstIndex) continue;
    const bytesMax = snapshotBase === null ? wantedBytesMax : copyTailBytesMax;
    if (log.bytesBetween(needs - 1, group.treeApplied) <= bytesMax) from = logIndex(needs);
  }
  return from;
}
