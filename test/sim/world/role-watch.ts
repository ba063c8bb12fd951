/** Sees what becomes of the replicas of a host, for the oracle and the summary. */
import type { GroupHost } from '../../../cluster/groups/host.ts';
import type { ShardId, Term } from '../../../runtime/base/ids.ts';
import type { ClusterPlace } from './sim-node.ts';

export class RoleWatch {
  readonly #host: GroupHost;
  readonly #ledIn: Term[] = [];
  readonly #copying = new Set<ShardId>();
  readonly #cluster: Pick<ClusterPlace, 'counted' | 'looked'>;

  constructor(host: GroupHost, cluster: Pick<ClusterPlace, 'counted' | 'looked'>) {
    this.#host = host;
    this.#cluster = cluster;
  }

  look(): void {
    for (const status of this.#host.status()) {
      const { shard, role, term, isInstalling } = status;
      this.#cluster.looked(status);
      if (isInstalling && !this.#copying.has(shard)) this.#copying.add(shard);
      else if (!isInstalling && this.#copying.delete(shard)) this.#cluster.counted('snapshots', 1);
      if (role !== 'leader' || this.#ledIn[shard] === term) continue;
      this.#ledIn[shard] = term;
      this.#cluster.counted('elections', 1);
    }
  }
}
