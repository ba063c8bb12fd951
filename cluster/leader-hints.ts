/**
 * Who leads which shard, as far as anybody told this node: its own replicas, and what its peers claim. A hint costs one
 * redirect when it is wrong; whoever is asked looks for himself.
 */
import type { NodeId, ShardId, Term } from '../runtime/base/ids.ts';

interface Hint {
  readonly node: NodeId | null;
  readonly term: Term;
}

export class LeaderHints {
  readonly #byShard = new Map<ShardId, Hint>();
  readonly #changed: (shard: ShardId) => void;

  /** @param changed somebody else leads the shard, or somebody at last */
  constructor(changed: (shard: ShardId) => void) {
    this.#changed = changed;
  }

  /** Null: nobody knows. */
  of(shard: ShardId): NodeId | null {
    return this.#byShard.get(shard)?.node ?? null;
  }

  /** What a replica here has learned. It names nobody while it waits for an election. */
  learned(shard: ShardId, node: NodeId | null, term: Term): void {
    this.#take(shard, { node, term });
  }

  /** All that a living peer claims. */
  claimed(node: NodeId, claims: readonly (readonly [ShardId, Term])[]): void {
    for (const [shard, term] of claims) this.#take(shard, { node, term });
  }

  #take(shard: ShardId, hint: Hint): void {
    const known = this.#byShard.get(shard);
    if (known !== undefined) {
      if (hint.term < known.term) return;
      // In a term there is one leader at most: once it is known it stays known.
      if (hint.term === known.term && (known.node !== null || hint.node === null)) return;
    }
    this.#byShard.set(shard, hint);
    if (hint.node !== null) this.#changed(shard);
  }
}
