/** A node in a process of its own, to be killed: told who it is by its parent, it says where it listens, and links. */
import { formatAddress, type Place } from '../../../cluster/mesh/addresses.ts';
import type { MeshIdentity } from '../../../cluster/mesh/tls.ts';
import { WebSocketTransport } from '../../../cluster/mesh/websocket-transport.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';
import { systemRandom } from '../../../runtime/base/random.ts';

export interface ChildOrders {
  readonly node: NodeId;
  readonly identity: MeshIdentity;
  readonly peer: { readonly node: NodeId; readonly addresses: readonly string[] };
  /** 0: any. */
  readonly port: number;
  readonly incarnation: number;
}

const silent = (): void => {};

process.once('message', (orders: ChildOrders) => {
  let place: Place = { host: '127.0.0.1', port: orders.port };
  const transport = new WebSocketTransport({
    own: () => ({
      clusterId: 'c1',
      generation: 1,
      node: orders.node,
      incarnation: orders.incarnation,
      marks: [],
      address: formatAddress(place),
      version: '1.2.3',
    }),
    identity: () => orders.identity,
    listen: [place],
    known: () => null,
    clock: systemClock,
    random: systemRandom,
    log: { debug: silent, info: silent, warn: silent, error: silent },
  });
  transport.listen({ received: silent, linked: silent, unlinked: silent });
  void transport.open().then(([opened]) => {
    place = opened!;
    process.send!(place);
    transport.peersAre([orders.peer]);
  });
});
