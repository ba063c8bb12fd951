/**
 * What rotten batches cost, gathered while a restart reads them.
 *
 *     heads rotten    logs that were in them end nobody knows where, unless the state is past all of that
 *     data rotten     entries are missing (their heads are known); bodies may be; rows of a copy under way are
 *
 * Promises: a replica that was given up later is not held to what rotted before; what is lost now is lost in all later
 * lives.
 * Leaves to others: what is done about it (`recovery.ts`, `restoring.ts`).
 */
import { type ShardId, shardId } from '../../runtime/base/ids.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import { type BatchHead, lostData, lostHeads, type Outline } from './batch.ts';

export interface GivenUp {
  /** Where it was found. */
  readonly batch: number;
  /** Not even its Raft state is known, so it gives no votes until it has a copy. */
  readonly isMute: boolean;
}

export class RecoveredDamage {
  readonly #shardCount: number;
  /** The last entry of each log that was in rotten heads; Infinity: nobody knows. */
  readonly #lost = new Map<number, GivenUp & { readonly last: number }>();
  readonly #brokenCopies = new Map<ShardId, GivenUp>();
  /** To be written by the life that begins now. */
  readonly ops: StoreOp[] = [];
  /** Rows of the host itself are lost, so that the head of a body may be. */
  hasLostRows = false;

  constructor(shardCount: number) {
    this.#shardCount = shardCount;
  }

  /** @param outline null: lost as well, so it may be any log */
  lostHeads(batch: number, outline: Outline | null): void {
    this.ops.push(lostHeads(batch));
    const shards = outline ?? Array.from({ length: this.#shardCount }, (_, shard) => [shard, null] as const);
    for (const [shard, of] of shards) {
      const before = this.#lost.get(shard);
      const last = Math.max(of ?? Number.POSITIVE_INFINITY, before?.last ?? 0);
      this.#lost.set(shard, { last, batch, isMute: outline === null || before?.isMute === true });
    }
  }

  /** @param copying shards of which the batch may have held copied rows, or deletes of old ones */
  lostRows(batch: number, copying: Iterable<readonly [ShardId, { readonly isMute: boolean }]>): void {
    this.hasLostRows = true;
    this.ops.push(lostData(batch));
    for (const [shard, { isMute }] of copying) this.#brokenCopies.set(shard, { batch, isMute });
  }

  /** Heads of a later batch: logs that begin anew in it have nothing of what was lost. */
  laterHeads({ givenUp, marks }: BatchHead): void {
    for (const [shard, index] of givenUp) {
      const isMute = marks.findLast(([of]) => of === shard)?.[1].installing?.isMute === true;
      if (isMute || (this.#lost.get(shard)?.last ?? 0) <= index) this.#lost.delete(shard);
    }
  }

  /** The state is deleted as a whole, and copied anew. */
  begunAnew(shard: ShardId): void {
    this.#brokenCopies.delete(shard);
  }

  /** Replicas that have to be copied anew. @param applied index up to which a shard's state is whole */
  givenUp(applied: (shard: ShardId) => number): ReadonlyMap<ShardId, GivenUp> {
    const all = new Map(this.#brokenCopies);
    for (const [of, { last, batch, isMute }] of this.#lost) {
      const shard = shardId(of);
      if (last > applied(shard)) all.set(shard, { batch, isMute });
    }
    return all;
  }
}
