/** What a `Cluster` is made of, and what it tells. */
import type { LogParts } from '../runtime/actor/log.ts';
import type { NodeId, ShardId } from '../runtime/base/ids.ts';
import type { HostOptions } from './groups/host-options.ts';
import type { WorkAges } from './liveness/liveness.ts';
import type { AboutNode } from './membership.ts';
import type { Transport } from './mesh/transport.ts';
import type { ClusterMap, Mark } from './metadata/protocol.ts';
import type { OwnCommands } from './own-commands.ts';
import type { Configuration } from './raft/protocol.ts';

export interface ClusterOptions {
  readonly parts: LogParts;
  readonly transport: Transport;
  readonly about: AboutNode;
  readonly incarnation: number;
  /** Newest first. */
  readonly marks: () => readonly Mark[];
  /** Of a node that began alone: makes the cluster, where there is none yet. Undefined of one that joined. */
  readonly found: ((commands: OwnCommands) => Promise<void>) | undefined;
  /** Who was there when this node ran last, as long as its own copy of the map is not there. */
  readonly known: readonly NodeId[];
  /** Of groups that are not on disk yet; default: alone with a node that began alone, nobody for one that joined. */
  readonly configurationOf?: (shard: ShardId) => Configuration;
  readonly host?: Pick<HostOptions, 'batchesKept' | 'settings'>;
  readonly work?: () => WorkAges;
  /** Kinds of actors whose changes other nodes are told of. */
  readonly hintedKinds?: readonly string[];
  readonly events: ClusterEvents;
}

export interface ClusterEvents {
  mapChanged(map: ClusterMap): void;
  /** A peer sent what cannot be, or what is not for it to say. Nothing of it was taken. */
  refused(from: NodeId, what: string, error: unknown): void;
  alive(node: NodeId, isAlive: boolean): void;
  shouldLead(shouldLead: boolean, reason: string): void;
  /** A notice that waits, since a body of it cannot be read here. */
  undeliverable(error: unknown): void;
  /** Replicas do not agree, or a row is rotten: what is done about it. */
  damage(what: string, shard: ShardId): void;
  /** This node's start is not in the map yet. */
  waits(error: unknown): void;
  campaigns?(count: number): void;
  /** Somebody leads the shard now. */
  led?(shard: ShardId): void;
  /** The engine runs. */
  connected?(): void;
  /** Nothing is said or heard here any more. */
  stopped?(): Promise<void>;
}
