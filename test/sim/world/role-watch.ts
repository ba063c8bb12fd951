/** Sees what became of the replicas of a host, so that liveness can be told. */
import type { GroupHost } from '../../../cluster/groups/host.ts';
import type { GroupRole } from '../../../cluster/liveness/protocol.ts';
import type { NodeId, ShardId } from '../../../runtime/base/ids.ts';
import type { ClusterPlace } from './sim-node.ts';

export class RoleWatch {
  readonly #host: GroupHost;
  readonly #changed: (shard: ShardId, is: GroupRole, candidates: readonly NodeId[] | null) => void;
  readonly #known: string[] = [];
  readonly #voters: string[] = [];
  readonly #copying = new Set<ShardId>();
  readonly #cluster: Pick<ClusterPlace, 'counted' | 'looked'>;

  /** @param changed `candidates` null: as before */
  constructor(
    host: GroupHost,
    changed: (shard: ShardId, is: GroupRole, candidates: readonly NodeId[] | null) => void,
    cluster: Pick<ClusterPlace, 'counted' | 'looked'>,
  ) {
    this.#host = host;
    this.#cluster = cluster;
    this.#changed = changed;
  }

  look(): void {
    for (const status of this.#host.status()) {
      const { shard, role, term, leader, configuration, isInstalling } = status;
      this.#cluster.looked(status);
      if (isInstalling && !this.#copying.has(shard)) this.#copying.add(shard);
      else if (!isInstalling && this.#copying.delete(shard)) this.#cluster.counted('snapshots', 1);
      const is = `${role} ${term} ${leader ?? '-'}`;
      const candidates = configuration.voters.filter((node) => node !== configuration.witness);
      const voters = candidates.join(' ');
      if (this.#known[shard] === is && this.#voters[shard] === voters) continue;
      const isNew = this.#voters[shard] !== voters;
      this.#known[shard] = is;
      this.#voters[shard] = voters;
      this.#changed(shard, { role, term, leader }, isNew ? candidates : null);
    }
  }
}
