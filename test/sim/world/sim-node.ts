/** One life of a node, as the simulator holds it: whatever it is made of, it is asked like this. */
import type { EngineStats } from '../../../runtime/actor/engine.ts';
import type { CommandRequest, QueryRequest, Settle } from '../../../runtime/actor/request.ts';
import type { GroupHost } from '../../../cluster/groups/host.ts';
import type { GroupStatus } from '../../../cluster/groups/status.ts';
import type { Transport } from '../../../cluster/mesh/transport.ts';
import type { ShardLog } from '../../../runtime/actor/log.ts';
import type { Clock } from '../../../runtime/base/clock.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';
import type { Limits } from '../../../runtime/base/limits.ts';
import type { Random } from '../../../runtime/base/random.ts';
import type { ReadableStore } from '../../../runtime/store/layered-store.ts';
import type { Store } from '../../../runtime/store/store.ts';
import type { LogEvents } from './watched-log.ts';

export interface SimNode {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  /** Of a node of several. */
  readonly host?: GroupHost;
  ask(request: CommandRequest, settle: Settle): void;
  query(request: QueryRequest, settle: Settle): void;
  /** @throws as `readBody` of `runtime/store/body-rows.ts`; undefined: not here */
  body(hash: string): Uint8Array | undefined;
  /** Commands, gates and notices that are still under way. */
  readonly isQuiet: boolean;
  work(): EngineStats;
  /** Of a node of several: who there is now. */
  membersAre?(nodes: readonly NodeId[]): void;
}

/** What a life gets from the world. */
export interface NodePlace {
  readonly id: NodeId;
  readonly tree: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly shardCount: number;
  readonly limits: Limits;
  /** Less room than this on the disk: no more mail is taken. */
  readonly freeBytesMin: number;
  readonly events: LogEvents & NodeEvents;
}

export interface NodeEvents {
  /** The node must stop. */
  fatal(error: unknown): void;
  /** A handler threw what it should not, or a notice was given up. */
  bug(what: string, error: unknown): void;
}

/** What a node of several gets beside. */
export interface ClusterPlace {
  readonly transport: Transport;
  readonly incarnation: number;
  readonly members: readonly NodeId[];
  /** Of a group that is not on disk yet. */
  readonly voters: readonly NodeId[];
  readonly witness: NodeId | null;
  /** Age of the oldest transaction on its way. */
  readonly oldestWriteMs: () => number;
  readonly batchesKept: number;
  /** For the oracle: what is on disk at the start, what a replica looks like, what leaves. */
  readonly started: (groups: readonly GroupStatus[]) => void;
  readonly looked: (status: GroupStatus) => void;
  readonly sent: (to: NodeId, frame: unknown, status: (shard: number) => GroupStatus) => void;
  readonly counted: (what: string, by: number) => void;
}
