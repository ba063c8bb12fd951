/** Which nodes are heard, and what they claim to lead: whether a follower has a leader. */
import type { NodeId, ShardId, Term } from '../../runtime/base/ids.ts';
import type { HostedGroup } from './hosted-group.ts';

export class Hearing {
  readonly #isLinked: (node: NodeId) => boolean;
  readonly #alive = new Map<NodeId, boolean>();
  readonly #claims = new Map<NodeId, Map<ShardId, Term>>();

  /** @param isLinked for nodes of which liveness has said nothing yet */
  constructor(isLinked: (node: NodeId) => boolean) {
    this.#isLinked = isLinked;
  }

  alive(node: NodeId, isAlive: boolean): void {
    this.#alive.set(node, isAlive);
  }

  claimed(node: NodeId, claims: readonly (readonly [ShardId, Term])[]): void {
    this.#claims.set(node, new Map(claims));
  }

  /**
   * It acts as the leader: that says more than a list that was made before it won. Else two candidates with each a
   * majority would take the group from one another until the next list.
   */
  led(node: NodeId, shard: ShardId, term: Term): void {
    this.#claims.get(node)?.set(shard, term);
  }

  /** A living leader of the group, which claims it at this replica's term or a later one (plan §7). */
  hearsLeader({ shard, self, raft }: HostedGroup): boolean {
    const { leader, term } = raft;
    if (leader === null || leader === self) return false;
    if (!(this.#alive.get(leader) ?? this.#isLinked(leader))) return false;
    const claims = this.#claims.get(leader);
    // Before its first list, what it said by its msgs has to do.
    if (claims === undefined) return true;
    const claimed = claims.get(shard);
    return claimed !== undefined && claimed >= term;
  }
}
