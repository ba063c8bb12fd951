/** Reports as a node would make them, for the screens: a whole cluster in one line. */
import type { NodeId, ShardId } from '../../../runtime/base/ids.ts';
import type { ClusterMap, NodeRecord } from '../../../cluster/metadata/protocol.ts';
import type { ClusterReport, GroupReport, PeerReport } from '../../../cluster/report.ts';

export const nowMs = Date.UTC(2026, 10, 28, 14, 3, 20);
export const ms = (time: string): number => Date.parse(`2026-11-28T${time}Z`);
export const id = (text: string): NodeId => text as NodeId;
export const ids = (text: string): NodeId[] => text.split(' ').map(id);

export interface SampleOptions {
  /** The first one is asked. */
  readonly nodes: string;
  readonly dead?: string;
  /** Joined, and not started. */
  readonly admitted?: string;
  readonly shards?: number;
  /** What a shard's voters are; default: what they should be. */
  readonly voters?: (shard: number) => string;
  readonly learners?: (shard: number) => string | null;
  /** Default: in turn, of the living. */
  readonly leader?: (shard: number) => string | null;
  readonly peer?: (node: string) => Partial<PeerReport>;
  readonly group?: (shard: number) => Partial<GroupReport>;
  readonly self?: Partial<ClusterReport['self']>;
  readonly rest?: Partial<ClusterReport>;
}

export function sample(options: SampleOptions): ClusterReport {
  const { nodes, dead = '', admitted = '', shards = 6 } = options;
  const all = ids(nodes);
  const [self] = all as [NodeId];
  const isDead = (node: string): boolean => dead.split(' ').includes(node);
  const living = all.filter((node) => !isDead(node));
  const wanted = all.slice(0, 3);
  const records = [...all, ...(admitted === '' ? [] : ids(admitted))].sort();
  const shardList = Array.from({ length: shards + 1 }, (_, shard) => shard);
  return {
    nowMs,
    clusterId: 'cl1',
    generation: 1,
    shardCount: shards,
    self: {
      ...{ id: self, version: '0.1.0', incarnation: 4, startedMs: ms('13:00:00') },
      ...{ meshAddress: addressOf(self), meshProblem: null, unfitReason: null },
      ...options.self,
    },
    map: mapOf(records, admitted.split(' ')),
    peers: all.slice(1).map((node) => ({ ...peerOf(node, isDead(node)), ...options.peer?.(node) })),
    groups: shardList.map((shard): GroupReport => {
      const given = options.leader?.(shard);
      const leader = given === undefined ? (living[shard % living.length] ?? null) : given === null ? null : id(given);
      return {
        ...{ node: self, shard: shard as ShardId, term: 7, leader, committed: 100 + shard, applied: 100 + shard },
        role: leader === self ? 'leader' : 'follower',
        isServed: leader === self,
        voters: options.voters === undefined ? wanted : ids(options.voters(shard)),
        learners: listOf(options.learners?.(shard)),
        ...{ witness: null, isInstalling: false, damagedFrom: null, behind: [] },
        ...options.group?.(shard),
      };
    }),
    claims: [],
    placement: { voters: shardList.map(() => wanted), assigned: shardList.map(() => null) },
    takeovers: [],
    refusals: [],
    ...options.rest,
  };
}

const listOf = (text: string | null | undefined): NodeId[] => (text == null ? [] : ids(text));
const addressOf = (node: string): string => `${node}.example.net:2580`;

function peerOf(node: NodeId, isDead: boolean): PeerReport {
  return {
    id: node,
    status: isDead ? 'suspect' : 'alive',
    sinceMs: isDead ? ms('14:03:07') : ms('13:00:01'),
    ...{ incarnation: 2, version: '0.1.0', isFit: true, wallAheadMs: isDead ? null : 3 },
    ...{ isLinked: !isDead, address: addressOf(node), refusal: null },
  };
}

function mapOf(nodes: readonly NodeId[], admitted: readonly string[]): ClusterMap {
  return {
    ...{ clusterId: 'cl1', generation: 1, shardCount: 6, replicas: 3, caCertificate: 'PEM', version: 9 },
    nodes: nodes.map((node): NodeRecord => {
      return {
        ...{ id: node, state: 'member', address: addressOf(node), zone: '', host: `host-${node}`, keyHash: 'k' },
        ...{ certificate: 'PEM', admittedMs: ms('12:00:00') },
        started: admitted.includes(node)
          ? null
          : { incarnation: 2, mark: { number: 1, nonce: 'x' }, atMs: ms('12:30:00'), version: '0.1.0' },
      };
    }),
  };
}
