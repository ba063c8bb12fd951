/**
 * Sees what becomes of the replicas of a host, for the oracle and the summary. It looks at a group whenever a frame of it
 * comes or goes: nothing that matters to others happens without one.
 */
import type { GroupHost } from '../../../cluster/groups/host.ts';
import { channel } from '../../../cluster/mesh/channels.ts';
import type { Frame, Transport } from '../../../cluster/mesh/transport.ts';
import type { ShardId, Term } from '../../../runtime/base/ids.ts';
import type { ClusterPlace } from './sim-node.ts';

type Messages = readonly (readonly unknown[])[];

export class RoleWatch {
  #host: GroupHost | undefined;
  readonly #ledIn: Term[] = [];
  readonly #copying = new Set<ShardId>();
  readonly #place: Pick<ClusterPlace, 'counted' | 'looked' | 'sent' | 'transport'>;

  constructor(place: Pick<ClusterPlace, 'counted' | 'looked' | 'sent' | 'transport'>) {
    this.#place = place;
  }

  /** The node's way to its peers, with this watch on it. */
  transport(): Transport {
    const { transport, sent } = this.#place;
    return {
      isLinked: (peer) => transport.isLinked(peer),
      bytesInFlight: (peer, lane) => transport.bytesInFlight(peer, lane),
      send: (to, lane, frame) => {
        const messages = messagesOfGroups(frame);
        if (messages !== null && this.#host !== undefined && transport.isLinked(to)) {
          this.#lookAt(messages);
          sent(to, messages, (shard) => this.#host!.statusOf(shard as ShardId));
        }
        transport.send(to, lane, frame);
      },
      listen: (events) =>
        transport.listen({
          linked: (peer) => events.linked(peer),
          unlinked: (peer) => events.unlinked(peer),
          linkRefused: (peer) => events.linkRefused?.(peer),
          received: (from, lane, frame) => {
            events.received(from, lane, frame);
            const messages = messagesOfGroups(frame);
            if (messages !== null) this.#lookAt(messages);
          },
        }),
    };
  }

  begin(host: GroupHost): void {
    this.#host = host;
    for (const status of host.status()) this.#look(status.shard);
  }

  #lookAt(messages: Messages): void {
    let before: unknown = null;
    for (const [, shard] of messages) {
      if (shard !== before) this.#look(shard as ShardId);
      before = shard;
    }
  }

  #look(shard: ShardId): void {
    if (this.#host === undefined) return;
    const status = this.#host.statusOf(shard);
    const { role, term, isInstalling } = status;
    this.#place.looked(status);
    if (isInstalling && !this.#copying.has(shard)) this.#copying.add(shard);
    else if (!isInstalling && this.#copying.delete(shard)) this.#place.counted('snapshots', 1);
    if (role !== 'leader' || this.#ledIn[shard] === term) return;
    this.#ledIn[shard] = term;
    this.#place.counted('elections', 1);
  }
}

/** Null: it is not of the groups. */
function messagesOfGroups(frame: Frame): Messages | null {
  const [to, inner] = frame as readonly [number, unknown];
  return to === channel.groups ? (inner as readonly [number, Messages])[1] : null;
}
