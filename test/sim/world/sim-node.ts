/** One life of a node, as the simulator holds it, and what it gets from the world. */
import type { EngineStats } from '../../../runtime/actor/engine.ts';
import type { CommandRequest, QueryRequest, Settle } from '../../../runtime/actor/request.ts';
import type { Cluster } from '../../../cluster/cluster.ts';
import type { GroupHost } from '../../../cluster/groups/host.ts';
import type { GroupStatus } from '../../../cluster/groups/status.ts';
import type { Marks } from '../../../cluster/identity/marks.ts';
import type { Desired } from '../../../cluster/placement/desired.ts';
import type { ClusterMap } from '../../../cluster/metadata/protocol.ts';
import type { AboutNode } from '../../../cluster/membership.ts';
import type { Transport } from '../../../cluster/mesh/transport.ts';
import type { OwnCommands } from '../../../cluster/own-commands.ts';
import type { Configuration } from '../../../cluster/raft/protocol.ts';
import type { ShardLog } from '../../../runtime/actor/log.ts';
import type { Clock } from '../../../runtime/base/clock.ts';
import type { NodeId, ShardId } from '../../../runtime/base/ids.ts';
import type { Limits } from '../../../runtime/base/limits.ts';
import type { Random } from '../../../runtime/base/random.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import type { Store } from '../../../runtime/store/store.ts';
import type { Greeter } from './greeter.ts';
import type { LogEvents } from './watched-log.ts';

export interface SimNode {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly host: GroupHost;
  readonly cluster: Cluster;
  readonly greeter: Greeter;
  readonly marks: Marks;
  /** As an edge of this node asks: wherever the shard is led. */
  ask(request: CommandRequest, settle: Settle): void;
  query(request: QueryRequest, settle: Settle): void;
  /** From wherever it is. @throws {OperationError} */
  readBody(hash: string): Promise<Uint8Array>;
  inspect(topic: string, argument: unknown): Promise<unknown>;
  /** Commands, gates and notices that are still under way. */
  readonly isQuiet: boolean;
  work(): EngineStats;
}

/** What a life gets from the world. */
export interface NodePlace {
  readonly id: NodeId;
  readonly tree: Store;
  readonly marks: Marks;
  readonly clock: Clock;
  readonly random: Random;
  readonly shardCount: number;
  readonly limits: Limits;
  /** Less room than this on the disk: no more mail is taken. */
  readonly freeBytesMin: number;
  readonly events: LogEvents & NodeEvents;
  readonly cluster: ClusterPlace;
}

export interface NodeEvents {
  /** The node must stop. */
  fatal(error: unknown): void;
  /** A handler threw what it should not, or a notice was given up. */
  bug(what: string, error: unknown): void;
}

export interface ClusterPlace {
  readonly transport: Transport;
  readonly about: AboutNode;
  /** Whom its disk names, for as long as it has no map. */
  readonly known: readonly NodeId[];
  readonly found: ((commands: OwnCommands) => Promise<void>) | undefined;
  /** Of groups that are not on disk yet; undefined: as the cluster says by itself. */
  readonly configurationOf: ((shard: ShardId) => Configuration) | undefined;
  /** There will never be a map, so nobody moves leaders but this. */
  readonly isMapless: boolean;
  /** Age of the oldest transaction on its way. */
  readonly oldestWriteMs: () => number;
  readonly batchesKept: number;
  readonly mapChanged: (map: ClusterMap, desired: Desired) => void;
  /** For the oracle: what is on disk at the start, what a replica looks like, what leaves. */
  readonly started: (groups: readonly GroupStatus[]) => void;
  readonly looked: (status: GroupStatus) => void;
  readonly sent: (
    to: NodeId,
    messages: readonly (readonly unknown[])[],
    status: (shard: number) => GroupStatus,
  ) => void;
  readonly counted: (what: string, by: number) => void;
}
