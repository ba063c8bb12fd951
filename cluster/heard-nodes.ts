/**
 * Whose pings this node answers: the members of its map, and guests: nodes that are linked, so they showed a certificate of
 * this cluster, and are not in the map, which may be old. Whoever leads the metadata now may have joined after this node last
 * heard of it, and brings the newer map only to who is alive for it: two that did not hear each other would wait for ever.
 *
 * Promises: a node that the map calls removed is no guest; a guest is one for as long as it is linked.
 * Leaves to others: who may link (`mesh/`). Being heard decides nothing: rings come from maps, leaders from logs.
 */
import type { NodeId } from '../runtime/base/ids.ts';
import type { ClusterMap } from './metadata/protocol.ts';

export interface HeardNodesOptions {
  readonly self: NodeId;
  /** As long as there is no map. */
  readonly known: readonly NodeId[];
  /** The newest that was applied here. */
  readonly map: () => Pick<ClusterMap, 'nodes'> | null;
  readonly changed: (nodes: readonly NodeId[]) => void;
}

export class HeardNodes {
  readonly #o: HeardNodesOptions;
  readonly #linked = new Set<NodeId>();

  constructor(options: HeardNodesOptions) {
    this.#o = options;
  }

  linked(peer: NodeId): void {
    this.#linked.add(peer);
    this.#tell();
  }

  unlinked(peer: NodeId): void {
    this.#linked.delete(peer);
    this.#tell();
  }

  mapChanged(): void {
    this.#tell();
  }

  #isRemoved(node: NodeId): boolean {
    return this.#o.map()?.nodes.some(({ id, state }) => id === node && state === 'removed') === true;
  }

  #members(): readonly NodeId[] {
    const { self, known, map } = this.#o;
    const mapped = map()?.nodes.filter(({ state }) => state !== 'removed');
    return mapped?.map(({ id }) => id) ?? [self, ...known.filter((node) => node !== self)];
  }

  #tell(): void {
    const members = this.#members();
    const guests = [...this.#linked].filter((peer) => !members.includes(peer) && !this.#isRemoved(peer));
    this.#o.changed([...members, ...guests]);
  }
}
