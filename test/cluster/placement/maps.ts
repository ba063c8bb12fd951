/** Cluster maps in a few words. */
import { nodeId } from '../../../runtime/base/ids.ts';
import type { ClusterMap, NodeRecord, NodeState } from '../../../cluster/metadata/protocol.ts';

export interface NodeWords {
  readonly id: string;
  readonly state?: NodeState;
  readonly isStarted?: boolean;
  readonly zone?: string;
  readonly host?: string;
}

export interface MapWords {
  readonly nodes: readonly (string | NodeWords)[];
  readonly shardCount?: number;
  readonly replicas?: number;
  readonly version?: number;
  readonly generation?: number;
}

export function mapOf({ nodes, shardCount = 16, replicas = 3, version = 1, generation = 1 }: MapWords): ClusterMap {
  const records = nodes.map((node) => recordOf(typeof node === 'string' ? { id: node } : node));
  return {
    clusterId: 'c',
    ...{ generation, shardCount, replicas, version },
    caCertificate: '',
    nodes: records.sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

function recordOf({ id, state = 'member', isStarted = true, zone = '', host = '' }: NodeWords): NodeRecord {
  const started = { incarnation: 1, mark: { number: 1, nonce: id }, atMs: 0, version: '1' };
  return {
    id: nodeId(id),
    ...{ state, zone, host },
    address: `${id}.example.org:2600`,
    keyHash: '',
    certificate: '',
    admittedMs: 0,
    started: isStarted ? started : null,
  };
}
