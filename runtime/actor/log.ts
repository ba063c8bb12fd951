/**
 * The port between the engine and whatever makes its write-sets durable: the local log on a lone node, the
 * replicated log later. The engine never learns which.
 *
 * Promises asked of an implementation:
 * - entries of a shard commit in the order of `append`, without a gap, or the node stops;
 * - entry and applied rows of what commits here are in one transaction with the applied index;
 * - `onCommitted` is called only after that is durable, once per shard and group commit.
 */
import type { LogIndex, ShardId, Term } from '../base/ids.ts';
import type { StoreOp } from '../store/store.ts';
import type { BodyAttachment } from './actor.ts';

/** A body reference that an entry adds or ends. */
export interface BodyHold {
  readonly hash: string;
  /** Parts of its row's key behind the hash: shard, kind, actor key, tag. */
  readonly owner: readonly (string | number)[];
  readonly held: boolean;
}

/** What one turn changes. Absolute puts and deletes only, so that applying it twice does no harm. */
export interface WriteSet {
  /** Entry time in ms, strictly growing per shard. */
  readonly timeMs: number;
  readonly rows: readonly StoreOp[];
  readonly holds: readonly BodyHold[];
  /** Bytes of bodies that this entry names and that may be new to a replica. */
  readonly bodies: readonly BodyAttachment[];
}

export interface Commit {
  readonly shard: ShardId;
  /** All entries up to this one are durable and applied. */
  readonly index: LogIndex;
}

export interface ShardLog {
  /** The term in which this node leads the shard. */
  term(shard: ShardId): Term;
  lastIndex(shard: ShardId): LogIndex;
  committedIndex(shard: ShardId): LogIndex;
  /** Time of the last entry, so that a new one can be later. */
  lastTimeMs(shard: ShardId): number;
  append(shard: ShardId, writeSet: WriteSet): LogIndex;
  /** The loop turn is over: what was appended may be written as one transaction. */
  flush(): void;
  /** Bytes appended and not yet committed: the engine stops taking commands above its limit. */
  readonly pendingBytes: number;
  /** Called once, before the first `append`. */
  onCommitted(listener: (commits: readonly Commit[]) => void): void;
}
