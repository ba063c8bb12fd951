/** Who leads a shard as far as this node knows, and how a frame gets there. Hints: whoever is asked looks for himself. */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';

export interface ReachOptions {
  readonly leaderOf: (shard: ShardId) => NodeId | null;
  readonly isAlive: (node: NodeId) => boolean;
  readonly isLinked: (node: NodeId) => boolean;
  readonly linkedPeers: () => readonly NodeId[];
}

export class Reach {
  readonly #o: ReachOptions;

  constructor(options: ReachOptions) {
    this.#o = options;
  }

  leaderOf(shard: ShardId): NodeId | null {
    return this.#o.leaderOf(shard);
  }

  isLinked(node: NodeId): boolean {
    return this.#o.isLinked(node);
  }

  /** There is a link, and it answers. */
  isOpen(node: NodeId): boolean {
    return this.#o.isLinked(node) && this.#o.isAlive(node);
  }

  peers(): readonly NodeId[] {
    return this.#o.linkedPeers();
  }

  hasPeers(): boolean {
    return this.#o.linkedPeers().length > 0;
  }

  /** A third node that may have the link to it that this one lacks. */
  relayTo(leader: NodeId, not: readonly NodeId[]): NodeId | null {
    return this.peers().find((peer) => peer !== leader && !not.includes(peer) && this.isOpen(peer)) ?? null;
  }
}
