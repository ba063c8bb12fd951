/**
 * Where copies should be, by the committed map: the goal that the mover works towards, and the order in which nodes stand.
 *
 * | nodes that hold shards | copies of a shard     | voters of the metadata group |
 * | ---------------------- | --------------------- | ---------------------------- |
 * | 1                      | 1                     | 1                            |
 * | 2                      | 2                     | 2                            |
 * | 3, 4                   | 3                     | 3                            |
 * | 5 and more             | 3, or 5 by the map    | 5                            |
 *
 * A node holds shards when it is a `member` that has started once. Every other node of the metadata group learns, also one
 * that is leaving, so that it sees when it may go.
 *
 * Promises: pure; equal maps give equal goals on all nodes, whichever of them leads what. An even number of voters survives
 * no more than one less would, so there is none but two of two.
 * Leaves to others: reading the map (`../membership.ts`); when and how goals are reached (`next-move.ts`).
 */
import { metadataShard } from '../../runtime/actor/shard.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { ClusterMap, NodeRecord } from '../metadata/protocol.ts';
import { assignLeaders } from './leaders.ts';
import { preferenceLists } from './ring.ts';

/** How a shard should look. */
export interface Goal {
  /** In the order of preference. Empty: nobody holds shards yet, and nothing is to be done. */
  readonly voters: readonly NodeId[];
  readonly learners: readonly NodeId[];
  /** Null: no matter. */
  readonly assigned: NodeId | null;
}

const metadataVotersMax = 5;
/** Of a list: more than vote at once. The whole of it would cost a cluster of 64 nodes a third of a second at each map. */
const preferenceNodesMax = 8;

export class Desired {
  readonly generation: number;
  readonly version: number;
  readonly metadataShard: ShardId;
  readonly #nodes: ReadonlyMap<NodeId, NodeRecord>;
  /** Of all shards, the metadata's last. */
  readonly #preferences: readonly (readonly NodeId[])[];
  /** All that the ring was made of. */
  readonly #ringOf: string;
  readonly #goals: readonly Goal[];

  /** @param before of an earlier map: its ring is kept where the nodes are the same, since most maps tell of a start only */
  constructor({ generation, version, shardCount, replicas, nodes }: ClusterMap, before: Desired | null = null) {
    this.generation = generation;
    this.version = version;
    this.metadataShard = metadataShard(shardCount);
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
    const started = nodes.filter(({ state, started }) => state !== 'removed' && started !== null);
    const holders = started.filter(({ state }) => state === 'member');
    this.#ringOf = JSON.stringify([shardCount, ...holders.map(({ id, zone, host }) => [id, zone, host])]);
    this.#preferences =
      before !== null && before.#ringOf === this.#ringOf
        ? before.#preferences
        : preferenceLists(holders, shardCount + 1, preferenceNodesMax);
    const voters = this.#preferences.map((list, shard) => {
      return list.slice(0, votersOf(holders.length, shard === shardCount ? metadataVotersMax : replicas));
    });
    const last = voters[shardCount]!;
    const assigned = holders.length === 0 ? [] : assignLeaders(voters.slice(0, shardCount));
    const learners = started.map(({ id }) => id).filter((id) => !last.includes(id));
    this.#goals = voters.map((list, shard) => ({
      voters: list,
      learners: shard === shardCount ? learners : [],
      assigned: assigned[shard] ?? null,
    }));
  }

  get metadataVoters(): readonly NodeId[] {
    return this.voters(this.metadataShard);
  }

  /** Of each shard, the metadata's last. */
  get goals(): readonly Goal[] {
    return this.#goals;
  }

  goal(shard: ShardId): Goal {
    return this.#goals[shard]!;
  }

  /** In the order of preference. */
  voters(shard: ShardId): readonly NodeId[] {
    return this.goal(shard).voters;
  }

  /** Nodes in the order in which the shard prefers them, eight at most; `voters` is where it begins. */
  preference(shard: ShardId): readonly NodeId[] {
    return this.#preferences[shard]!;
  }

  /** Who should lead. Null: no matter, or nobody holds shards yet. */
  assigned(shard: ShardId): NodeId | null {
    return this.goal(shard).assigned;
  }

  /**
   * `nodes` in the order in which they should try to lead: first who is assigned, so that a restart of all needs no moves;
   * then by preference, so that what a dead node led is spread; last those that are far from holding the shard, by name.
   */
  candidates(shard: ShardId, nodes: readonly NodeId[]): NodeId[] {
    const assigned = this.assigned(shard);
    const order = this.preference(shard);
    const rank = (node: NodeId): number => {
      if (node === assigned) return -1;
      const at = order.indexOf(node);
      return at === -1 ? order.length : at;
    };
    return [...nodes].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  }

  /** False: it was admitted later than this map was made, so nothing is known of it. */
  isKnown(node: NodeId): boolean {
    return this.#nodes.has(node);
  }

  /** Declared to be gone for ever: what it held need not wait for it. */
  isGone(node: NodeId): boolean {
    return this.#nodes.get(node)?.state === 'removed';
  }
}

/** What the mover needs of it. */
export type Goals = Pick<Desired, 'metadataShard' | 'goal' | 'candidates' | 'isKnown' | 'isGone'>;

/** @param before what was made of an earlier map: kept when this one is the same */
export function desiredOf(map: ClusterMap, before: Desired | null): Desired {
  if (before !== null && before.version === map.version && before.generation === map.generation) return before;
  return new Desired(map, before);
}

function votersOf(nodes: number, wanted: number): number {
  const count = Math.min(nodes, wanted);
  return count > 2 && count % 2 === 0 ? count - 1 : count;
}
