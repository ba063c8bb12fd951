/**
 * All that the metadata group can be asked: who is in the cluster, and who may come in (plan §8).
 *
 * It is an actor like any other, with one instance, on a shard of its own behind all others (`metadataShard`). Its copies
 * are on every node: a few vote, the others learn, so that each node reads the map from its own disk.
 */
import { type ActorRef, defineActor } from '../../runtime/actor/actor.ts';
import type { NodeId } from '../../runtime/base/ids.ts';

/**
 * `member`: holds shards, as soon as it has started once. `leaving`: gives them away. `removed`: for ever; its name is not
 * given again.
 */
export type NodeState = 'member' | 'leaving' | 'removed';

/** The newest mark of a node's disk (`identity/marks.ts`). */
export interface Mark {
  /** 1, 2, 3 …: grows with each start, and now and then between. */
  readonly number: number;
  readonly nonce: string;
}

export interface NodeRecord {
  readonly id: NodeId;
  readonly state: NodeState;
  /** Where its mesh listens, `host:port`. */
  readonly address: string;
  /** Labels: copies of a shard are spread over zones, then hosts. */
  readonly zone: string;
  readonly host: string;
  /** SHA-256 of its public key (SPKI), base64url: the name is bound to it for ever. */
  readonly keyHash: string;
  /** PEM, of the cluster's own CA; given again to the same key. */
  readonly certificate: string;
  readonly admittedMs: number;
  /** Null: it was admitted and has not started yet. */
  readonly started: {
    readonly incarnation: number;
    readonly mark: Mark;
    readonly atMs: number;
    readonly version: string;
  } | null;
}

/** What every node knows. Nothing of it is secret. */
export interface ClusterMap {
  readonly clusterId: string;
  /** 1; grows with unsafe recovery. */
  readonly generation: number;
  readonly shardCount: number;
  /** Copies of a shard that are wanted, where there are nodes enough. */
  readonly replicas: number;
  /** PEM of the certificate of the cluster's CA. */
  readonly caCertificate: string;
  /** Grows with each change. */
  readonly version: number;
  /** Sorted by id. */
  readonly nodes: readonly NodeRecord[];
}

export type ClusterCommand =
  /** The first node makes the cluster. Repeated by the same node it changes nothing. */
  | {
      readonly kind: 'found';
      readonly clusterId: string;
      readonly shardCount: number;
      readonly replicas: number;
      readonly caCertificate: string;
      readonly caKey: string;
      readonly node: Omit<NodeRecord, 'state' | 'admittedMs' | 'started'>;
    }
  /**
   * `expiresMs` since 1970, at most 30 days ahead; null: an hour from the entry's time on. Repeated it changes nothing.
   * @throws `tooManyTokens`, `tokenExpired` when it would be expired at once
   */
  | { readonly kind: 'createToken'; readonly secretHash: string; readonly expiresMs: number | null }
  /**
   * The same key under the same name gets the same certificate again, until it has started.
   * @throws `tokenUnknown`, `tokenExpired`, `tokenUsed`, `nodeIdTaken`, `nodeRemoved`, `keyTaken`, `tooManyNodes`
   */
  | {
      readonly kind: 'admit';
      readonly secretHash: string;
      readonly node: Omit<NodeRecord, 'state' | 'admittedMs' | 'started'>;
    }
  /** A node has started, or made a new mark. @throws `nodeUnknown`, `nodeRemoved`, `diskOlder` */
  | {
      readonly kind: 'started';
      readonly node: NodeId;
      readonly address: string;
      readonly zone: string;
      readonly host: string;
      readonly incarnation: number;
      readonly mark: Mark;
      /**
       * The marks before it, newest first, at most 256: an older disk that was put back and started until its number was
       * high enough is known by the nonces in between.
       */
      readonly marksBefore: readonly Mark[];
      readonly version: string;
    }
  /** A node has a new certificate for the same key. By the node itself only. @throws `nodeUnknown`, `nodeRemoved` */
  | { readonly kind: 'renew'; readonly node: NodeId; readonly keyHash: string; readonly certificate: string };

export type ClusterQuery =
  /** Null before `found`. */
  | { readonly kind: 'map' }
  /** Nodes only. */
  | { readonly kind: 'ca' }
  /** Whether the token would be taken now by that node with that key; nodes only. @throws as `admit` */
  | { readonly kind: 'mayAdmit'; readonly secretHash: string; readonly node: NodeId; readonly keyHash: string };

export interface ClusterAnswers {
  readonly found: ClusterMap;
  readonly createToken: { readonly expiresMs: number };
  readonly admit: { readonly map: ClusterMap; readonly certificate: string };
  readonly started: ClusterMap;
  readonly map: ClusterMap | null;
  readonly ca: { readonly certificate: string; readonly key: string };
  readonly renew: ClusterMap;
  /** The certificate that this key has already, to be given again. */
  readonly mayAdmit: { readonly certificate: string | null };
}

export interface ClusterProtocol {
  readonly command: ClusterCommand;
  readonly query: ClusterQuery;
  readonly notice: never;
  readonly answers: ClusterAnswers;
}

const clusters = defineActor<ClusterProtocol>('cluster');
export const theCluster: ActorRef<ClusterProtocol> = clusters.ref('cluster');
