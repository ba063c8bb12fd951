/** The cluster's actor on a bench, founded by n1, with short names for what the tests say again and again. */
import { hash } from 'node:crypto';
import { clusterActor } from '../../../cluster/metadata/cluster-actor.ts';
import type { ClusterCommand, ClusterProtocol, Mark } from '../../../cluster/metadata/protocol.ts';
import type { Principal } from '../../../runtime/actor/actor.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { ActorBench } from '../../support/actor-bench.ts';

export const aNode: Principal = { kind: 'node', id: 'n1' };
export const anOperator: Principal = { kind: 'operator', id: 'ann' };

export const hashOf = (text: string): string => hash('sha256', text, 'base64url');

/** A node as it comes in; its key is named after it unless told otherwise. */
export const newNode = (id: string, key = id) => ({
  id: nodeId(id),
  address: `${id}.example.org:2580`,
  zone: '',
  host: id,
  keyHash: hashOf(`key of ${key}`),
  certificate: `certificate of ${key} for ${id}`,
});

export const foundBy = (id: string, clusterId = 'the-cluster'): ClusterCommand & { readonly kind: 'found' } => ({
  kind: 'found',
  clusterId,
  shardCount: 256,
  replicas: 3,
  caCertificate: `CA of ${clusterId}`,
  caKey: `secret of ${clusterId}`,
  node: newNode(id),
});

export const mark = (number: number, nonce = `nonce ${number}`): Mark => ({ number, nonce });

export const startOf = (id: string, incarnation: number, marks: readonly Mark[]) => {
  const [newest = mark(0), ...marksBefore] = marks;
  const about = { address: `${id}.example.org:2580`, zone: '', host: id, version: '0.1.0' };
  return { kind: 'started', node: nodeId(id), ...about, incarnation, mark: newest, marksBefore } as const;
};

export function foundedBench(): ActorBench<ClusterProtocol> {
  const bench = new ActorBench(clusterActor, { key: 'cluster' });
  bench.principal = aNode;
  bench.ask(foundBy('n1'));
  return bench;
}

/** A token that is good for an hour. @returns its hash */
export function givenToken(bench: ActorBench<ClusterProtocol>, name = 'token'): string {
  const secretHash = hashOf(name);
  bench.ask({ kind: 'createToken', secretHash, expiresMs: null });
  return secretHash;
}
