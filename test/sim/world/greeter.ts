/**
 * Who may link with whom: each end says hello and judges the other's by the real rule, from what this life and its disk know.
 *
 * Leaves to others: connections (`network.ts`), what becomes of a node that is refused (`sim-world.ts`).
 */
import { type Hello, judgeHello, ownFeatures, ownProtocol } from '../../../cluster/mesh/hello.ts';
import type { LinkRefusal } from '../../../cluster/mesh/codes.ts';
import { meshSettings } from '../../../cluster/mesh/settings.ts';
import type { AboutNode } from '../../../cluster/membership.ts';
import type { ClusterMap, Mark } from '../../../cluster/metadata/protocol.ts';
import type { Marks } from '../../../cluster/identity/marks.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';

export const simClusterId = 'simulated';

export interface GreeterOptions {
  readonly self: NodeId;
  readonly about: AboutNode;
  readonly marks: Marks;
  /** The newest that this node has applied. */
  readonly map: () => ClusterMap | null;
}

export class Greeter {
  readonly #o: GreeterOptions;
  readonly #seen = new Map<NodeId, { readonly incarnation: number; readonly mark: Mark | null }>();

  constructor(options: GreeterOptions) {
    this.#o = options;
  }

  hello(): Hello {
    const { self, about, marks, map } = this.#o;
    const { address, version } = about;
    return {
      ...{ protocol: ownProtocol, features: ownFeatures, clusterId: simClusterId, node: self, address, version },
      ...{ generation: map()?.generation ?? 1, incarnation: marks.incarnation },
      ...{ marks: marks.marks().slice(0, meshSettings.helloMarksMax), linkId: '', lane: 'control' },
    };
  }

  /** @param hello of a node whose certificate bears its own name */
  judge(hello: Hello): LinkRefusal | null {
    const { node } = hello;
    const record = this.#o.map()?.nodes.find(({ id }) => id === node) ?? null;
    return judgeHello(this.hello(), hello, { certificateName: node, record, seen: this.#seen.get(node) ?? null });
  }

  linked({ node, incarnation, marks }: Hello): void {
    this.#seen.set(node, { incarnation, mark: marks[0] ?? null });
  }
}
