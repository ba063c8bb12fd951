/**
 * The port between the engine and whatever makes its write-sets durable: a log of each shard, with a copy on one node or
 * on several (`cluster/groups/`). The engine never learns on how many.
 *
 * Promises asked of an implementation:
 * - entries of a shard commit in the order of `append`, without a gap, while this node serves the shard; what was
 *   appended and is not committed when it ceases to (`RoleEvents.lost`) may or may not have its effect;
 * - an entry's rows can be read, all of them or none, when it is committed and durable here; after a crash likewise;
 * - `onCommitted` is called only after that is durable, once per shard and group commit; not after `lost`, until the
 *   shard is served again.
 */
import type { Clock } from '../base/clock.ts';
import type { LogIndex, NodeId, ShardId, Term } from '../base/ids.ts';
import type { Limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { BodyTracker } from '../store/bodies.ts';
import type { LayeredStore } from '../store/layered-store.ts';
import type { Store, StoreOp } from '../store/store.ts';
import type { BodyAttachment } from './actor.ts';
import type { Copies } from './request.ts';

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

/** Which shards this node acts for. Told in loop turns of their own, never from within a call of the engine's. */
export interface RoleEvents {
  /** This node leads the shard, and all that earlier leaders committed is applied here: turns may run. */
  served(shard: ShardId, term: Term): void;
  /** It does not lead the shard any more. Who waits for a commit must ask again where it is led now. */
  lost(shard: ShardId): void;
}

export interface ShardLog {
  /** The term in which this node leads the shard. */
  term(shard: ShardId): Term;
  /** Whether turns of the shard's actors may run here: between `served` and `lost`. */
  serves(shard: ShardId): boolean;
  /** Called once, before the first `append`; shards that are served already are told at once. */
  onRole(events: RoleEvents): void;
  /**
   * Has a majority confirm that this node still leads the shard (ReadIndex, plan §6): then what is committed here now
   * may be shown. `done` is called once, at once where nobody else has a vote; false: ask where it is led now.
   */
  confirm(shard: ShardId, done: (isLeader: boolean) => void): void;
  /** On how many of the shard's voters the entry is durable, as far as it is known here. Only while it is served. */
  copies(shard: ShardId, index: LogIndex): Copies;
  lastIndex(shard: ShardId): LogIndex;
  committedIndex(shard: ShardId): LogIndex;
  /** Time of the last entry, so that a new one can be later. */
  lastTimeMs(shard: ShardId): number;
  /** Only while the shard is served. */
  append(shard: ShardId, writeSet: WriteSet): LogIndex;
  /** The loop turn is over: what was appended may be written as one transaction. */
  flush(): void;
  /** Bytes appended and not yet committed: the engine stops taking commands above its limit. */
  readonly pendingBytes: number;
  /** Called once, before the first `append`. */
  onCommitted(listener: (commits: readonly Commit[]) => void): void;
}

/** What one transaction wrote, and how long it took. */
export interface GroupCommit {
  readonly entries: number;
  readonly rows: number;
  readonly bytes: number;
  readonly tookMs: number;
}

/** What a node hands to whoever makes its log. */
export interface LogParts {
  readonly self: NodeId;
  /** Where transactions go. */
  readonly tree: Store;
  /** What is read: the tree, and over it what is committed only. */
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly shardCount: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  /** So many bytes are about to be written: for the guard on free space. */
  readonly writing: (bytes: number) => void;
  readonly observe: (commit: GroupCommit) => void;
  readonly fatal: (error: unknown) => void;
}

export interface NodeLog extends ShardLog {
  /** Settles when nothing is pending and all is in the tree: what starts next has nothing to catch up on. */
  drained(): Promise<void>;
  /** Hears and says nothing any more. */
  stop(): void;
}
