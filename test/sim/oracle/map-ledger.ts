/**
 * What nodes know of the cluster (plan §8): one history of maps for all, in which a name is bound to its key for ever; and what
 * follows from a map is the same on every node.
 */
import type { ClusterMap } from '../../../cluster/metadata/protocol.ts';
import { Desired } from '../../../cluster/placement/desired.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';

interface TrueMap {
  readonly text: string;
  /** What the ring makes of it. */
  readonly goals: string;
  readonly toldFirstBy: NodeId;
}

export class MapLedger {
  readonly #fail: (text: string) => void;
  readonly #maps = new Map<number, TrueMap>();
  /** The newest that was told in a life of a node. */
  readonly #versions = new Map<string, number>();
  readonly #keys = new Map<NodeId, string>();

  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  get size(): number {
    return this.#maps.size;
  }

  /** @param life which start of the node it is @param desired what the node makes of it */
  told(node: NodeId, life: number, map: ClusterMap, desired: Pick<Desired, 'goals'>): void {
    const { version, nodes } = map;
    const name = `${node} (life ${life})`;
    const before = this.#versions.get(name) ?? 0;
    if (version <= before) this.#fail(`${name} is told of map ${version} after map ${before}`);
    this.#versions.set(name, version);
    const text = JSON.stringify(map);
    const goals = JSON.stringify(desired.goals);
    const known = this.#maps.get(version);
    if (known === undefined) this.#first(node, map, text, goals);
    else if (known.text !== text) this.#fail(`map ${version} is not the same on ${node} and ${known.toldFirstBy}`);
    else if (known.goals !== goals)
      this.#fail(`${node} and ${known.toldFirstBy} make something else of map ${version}: ${goals} and ${known.goals}`);
    for (const { id, keyHash } of nodes) {
      if ((this.#keys.get(id) ?? keyHash) !== keyHash) this.#fail(`${id} has another key in map ${version}`);
      this.#keys.set(id, keyHash);
    }
  }

  #first(node: NodeId, map: ClusterMap, text: string, goals: string): void {
    this.#maps.set(map.version, { text, goals, toldFirstBy: node });
    const expected = JSON.stringify(new Desired(map).goals);
    if (goals !== expected) this.#fail(`${node} makes ${goals} of map ${map.version}, which says ${expected}`);
  }
}
