/**
 * What a node says of the cluster when it is asked (`report.ts`), put together from the parts; and the little history that
 * no part keeps: when a peer was lost, and when what it led was led again.
 */
import type { Clock } from '../runtime/base/clock.ts';
import type { NodeId, ShardId } from '../runtime/base/ids.ts';
import type { Cluster } from './cluster.ts';
import type { GroupStatus } from './groups/status.ts';
import type { WebSocketTransport } from './mesh/websocket-transport.ts';
import type { ClusterMap } from './metadata/protocol.ts';
import type { ClaimReport, ClusterReport, GroupReport, PeerReport, PlacementReport, TakeoverReport } from './report.ts';

export interface ReportingOptions {
  readonly clock: Clock;
  readonly self: NodeId;
  readonly version: string;
  readonly incarnation: number;
  readonly meshAddress: string | null;
  readonly clusterId: string;
  readonly shardCount: number;
}

interface Takeover {
  readonly node: NodeId;
  readonly atMs: number;
  readonly shards: number;
  readonly missing: Set<ShardId>;
  backMs: number | null;
}

const takeoversKept = 32;
const refusalsShown = 32;

export class Reporting {
  meshProblem: string | null = null;
  unfitReason: string | null = null;
  readonly #o: ReportingOptions;
  readonly #startedMs: number;
  readonly #sinceMs = new Map<NodeId, number>();
  #takeovers: Takeover[] = [];
  #placement: PlacementReport | null = null;
  #parts: { readonly cluster: Cluster; readonly transport: WebSocketTransport } | undefined;

  constructor(options: ReportingOptions) {
    this.#o = options;
    this.#startedMs = options.clock.nowMs();
  }

  of(cluster: Cluster, transport: WebSocketTransport): void {
    this.#parts = { cluster, transport };
  }

  mapChanged(map: ClusterMap): void {
    const desired = this.#parts?.cluster.desired ?? null;
    if (desired === null) return;
    const shards = Array.from({ length: map.shardCount + 1 }, (_, shard) => desired.goal(shard as ShardId));
    this.#placement = { voters: shards.map(({ voters }) => voters), assigned: shards.map(({ assigned }) => assigned) };
  }

  alive(node: NodeId, isAlive: boolean): void {
    const nowMs = this.#o.clock.nowMs();
    this.#sinceMs.set(node, nowMs);
    if (isAlive || this.#parts === undefined) return;
    const { cluster } = this.#parts;
    const all = Array.from({ length: this.#o.shardCount + 1 }, (_, shard) => shard as ShardId);
    const led = all.filter((shard) => cluster.leaderOf(shard) === node);
    if (led.length === 0) return;
    const takeover = { node, atMs: nowMs, shards: led.length, missing: new Set(led), backMs: null };
    this.#takeovers = [takeover, ...this.#takeovers.slice(0, takeoversKept - 1)];
  }

  led(shard: ShardId): void {
    for (const takeover of this.#takeovers) {
      if (!takeover.missing.delete(shard) || takeover.missing.size > 0) continue;
      takeover.backMs = this.#o.clock.nowMs() - takeover.atMs;
    }
  }

  report(map: ClusterMap | null): ClusterReport {
    const { clock, self, version, incarnation, meshAddress, clusterId, shardCount } = this.#o;
    const { cluster, transport } = this.#parts!;
    const { meshProblem, unfitReason } = this;
    const refusals = transport.refusals().reverse().slice(0, refusalsShown);
    return {
      ...{ nowMs: clock.nowMs(), clusterId, generation: map?.generation ?? 1, shardCount, map },
      self: { id: self, version, incarnation, startedMs: this.#startedMs, meshAddress, meshProblem, unfitReason },
      peers: this.#peers(),
      groups: cluster.host.status().map((group) => groupReport(self, group)),
      claims: this.#claims(),
      placement: this.#placement,
      takeovers: this.#takeovers.map(takeoverReport),
      refusals: refusals.map(({ of, code, text, atMs, times }) => ({ atMs, from: of, code, text, count: times })),
    };
  }

  #peers(): PeerReport[] {
    const { cluster, transport } = this.#parts!;
    const links = new Map(transport.links().map((link) => [link.node, link]));
    return cluster.liveness.peers().map((peer) => {
      const link = links.get(peer.node);
      const refusal = link?.lastRefusal ?? null;
      return {
        ...{ id: peer.node, status: peer.status, sinceMs: this.#sinceMs.get(peer.node) ?? null },
        ...{ incarnation: peer.incarnation, version: link?.version ?? null, isFit: peer.isFit },
        wallAheadMs: peer.wallAheadMs,
        isLinked: link?.isLinked ?? false,
        address: link?.address ?? null,
        refusal: refusal === null ? null : { atMs: refusal.atMs, code: refusal.code, text: refusal.text },
      };
    });
  }

  #claims(): ClaimReport[] {
    return this.#parts!.cluster.liveness.peers().flatMap(({ node, claims }) =>
      claims.map(([shard, term]) => ({ node, shard, term })),
    );
  }
}

function groupReport(node: NodeId, group: GroupStatus): GroupReport {
  const { shard, role, term, leader, isServed, committed, applied, configuration, followers } = group;
  const { voters, learners, witness } = configuration;
  const behind = followers.filter((follower) => follower.state === 'snapshot' || follower.match < committed);
  return {
    ...{ node, shard, role, term, leader, isServed, committed, applied, voters, learners, witness },
    isInstalling: group.isInstalling,
    damagedFrom: group.damagedFrom,
    behind: behind.map((follower) => follower.node),
  };
}

const takeoverReport = ({ node, atMs, shards, missing, backMs }: Takeover): TakeoverReport => {
  return { node, atMs, shards, shardsBack: shards - missing.size, backMs };
};
