/**
 * What a node says of the cluster when it is asked (`inspect('cluster')`): the contract between the façade, which fills it,
 * and the screens of `cli/`, which read it.
 *
 * Promises: plain data (it crosses a thread and travels as JSON), bounded by nodes and shards; times are this node's wall
 * clock in milliseconds. It is one node's view: what others do is told by their claims and by the logs that this node has.
 * Leaves to others: what of it is wrong and what cures that (`cli/problems.ts`).
 */
import type { NodeId, ShardId } from '../runtime/base/ids.ts';
import type { PeerStatus } from './liveness/peer.ts';
import type { ClusterMap } from './metadata/protocol.ts';
import type { Role } from './raft/protocol.ts';

export interface ClusterReport {
  readonly nowMs: number;
  /** Known from the directory's header, also while there is no map. */
  readonly clusterId: string;
  readonly generation: number;
  /** Shards of actors: 0 … shardCount - 1. The metadata group's shard comes behind them. */
  readonly shardCount: number;
  readonly self: SelfReport;
  /** The newest one committed that this node has applied; null: none yet. */
  readonly map: ClusterMap | null;
  /** Every other node of the map that is not removed, and who else is linked. */
  readonly peers: readonly PeerReport[];
  /**
   * Replicas as the nodes see them that have them. Those of this node are always there; where a cluster has shards without a
   * replica here, those that other nodes lead may be there too, which makes the screens whole.
   */
  readonly groups: readonly GroupReport[];
  /** What living peers claim to lead: for shards without a replica here. */
  readonly claims: readonly ClaimReport[];
  /** What the ring of `map` wants; null as long as `map` is. */
  readonly placement: PlacementReport | null;
  /** Newest first, at most some dozens. */
  readonly takeovers: readonly TakeoverReport[];
  /** Who was turned away at the mesh's door, newest first, at most some dozens; repeats are counted. */
  readonly refusals: readonly RefusalReport[];
}

export interface SelfReport {
  readonly id: NodeId;
  readonly version: string;
  /** Counts the starts of this node. */
  readonly incarnation: number;
  readonly startedMs: number;
  /** Where others are told to dial; null: the mesh is off. */
  readonly meshAddress: string | null;
  /** Null: it listens where it should. Else why it does not, e.g. that the port is taken. */
  readonly meshProblem: string | null;
  /** Null: it may lead. Else what liveness says why not, e.g. "the disk hangs: …; look at …". */
  readonly unfitReason: string | null;
}

export interface PeerReport {
  readonly id: NodeId;
  /** Liveness: `unknown` is neither heard nor silent for long enough. */
  readonly status: PeerStatus;
  /** Since when it is so; null: since this node started. */
  readonly sinceMs: number | null;
  readonly incarnation: number | null;
  readonly version: string | null;
  /** False: it says, or shows, that it should lead nothing. */
  readonly isFit: boolean;
  /** Its wall clock less this node's; null: not measured. */
  readonly wallAheadMs: number | null;
  readonly isLinked: boolean;
  /** Where it is dialled, or dials from. */
  readonly address: string | null;
  /** The last time a link with it was refused, by either side; gone once a link is up. */
  readonly refusal: { readonly atMs: number; readonly code: string; readonly text: string } | null;
}

export interface GroupReport {
  /** Whose replica it is. */
  readonly node: NodeId;
  readonly shard: ShardId;
  readonly role: Role;
  readonly term: number;
  /** As this replica knows it. */
  readonly leader: NodeId | null;
  /** Of a leader: whether it answers already. */
  readonly isServed: boolean;
  readonly committed: number;
  readonly applied: number;
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  readonly witness: NodeId | null;
  /** Its state is being copied and is not whole. */
  readonly isInstalling: boolean;
  readonly damagedFrom: number | null;
  /** Of a leader: nodes that do not keep up yet (a copy is on its way, or entries are). */
  readonly behind: readonly NodeId[];
}

export interface ClaimReport {
  readonly node: NodeId;
  readonly shard: ShardId;
  readonly term: number;
}

export interface PlacementReport {
  /** By shard, the metadata's last: nodes that should vote. */
  readonly voters: readonly (readonly NodeId[])[];
  /** By shard: who should lead; null: no matter. */
  readonly assigned: readonly (NodeId | null)[];
}

/** A peer died, or fell silent, that led shards. */
export interface TakeoverReport {
  readonly node: NodeId;
  /** When it became suspect here. */
  readonly atMs: number;
  /** Shards that it led then. */
  readonly shards: number;
  /** Of them, those that have another leader by now. */
  readonly shardsBack: number;
  /** From `atMs` to the last of them; null: some are not back. */
  readonly backMs: number | null;
}

export interface RefusalReport {
  /** When it happened last. */
  readonly atMs: number;
  /** Who: the name that it gave, or its address where there is no name. */
  readonly from: string;
  /** Stable, e.g. `otherCluster`. */
  readonly code: string;
  /** With its cure, as `… Cure: …`. */
  readonly text: string;
  readonly count: number;
}

/** `inspect('createJoinToken', JoinTokenOrder)` answers a `MadeToken`. */
export interface JoinTokenOrder {
  readonly expiresInMs: number;
}

export interface MadeToken {
  readonly token: string;
  readonly expiresMs: number;
  /** Where this node's mesh is reached; null: it listens nowhere. */
  readonly address: string | null;
}
