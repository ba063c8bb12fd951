/** What a host of groups is made of. */
import type { GroupCommit } from '../../runtime/actor/log.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Limits } from '../../runtime/base/limits.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { RowKey } from '../../runtime/store/keys.ts';
import type { Store } from '../../runtime/store/store.ts';
import type { Transport } from '../mesh/transport.ts';
import type { Configuration, Settings } from '../raft/protocol.ts';
import type { Verdict } from './state-hashes.ts';
import type { GroupWatch } from './stepping.ts';

export interface HostOptions {
  readonly self: NodeId;
  /** Where transactions go. */
  readonly tree: Store;
  /** What is read: the tree, and over it what is committed only. */
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly shardCount: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly limits: Pick<Limits, 'groupCommitBytesMax' | 'bodyInlineBytesMax' | 'frameBytesMax' | 'frameMessagesMax'>;
  /** Liveness's word: this node hears a living leader of the group, so it helps nobody to unseat that (plan §7). */
  readonly hearsLeader: (shard: ShardId) => boolean;
  /** Liveness's ear. What replicas are at the start, `status` says. */
  readonly watch?: GroupWatch;
  /** Of a group that is not on disk yet. */
  readonly configurationOf: (shard: ShardId) => Configuration;
  readonly settings?: Partial<Settings>;
  /** Group commits kept behind the newest: what a follower that was away reads on from. */
  readonly batchesKept?: number;
  /** So many bytes are about to be written: for the guard on free space. */
  readonly writing?: (bytes: number) => void;
  readonly observe: (commit: GroupCommit) => void;
  /** A peer sent what cannot be; nothing of it was taken. */
  readonly refusedFrame?: (from: NodeId, error: unknown) => void;
  /** Replicas applied the same entries and do not agree: what is done about it. */
  readonly different?: (shard: ShardId, verdict: Verdict) => void;
  /** A row of the shard's state does not pass its checksum here. Where others have it, this replica takes a copy. */
  readonly rotten?: (shard: ShardId, key: RowKey) => void;
  readonly fatal: (error: unknown) => void;
}

/** Two windows of appends cover a round trip at some 100 MB/s; what is not answered in half a second was lost. */
const defaultSettings: Settings = {
  windowBytesMax: 4 * 1024 * 1024,
  appendBytesMax: 1024 * 1024,
  retryMs: 500,
  transferMsMax: 3_000,
};

export const settingsOf = ({ settings }: HostOptions): Settings => ({ ...defaultSettings, ...settings });
