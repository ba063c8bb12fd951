/** What each kind of fault does to a cluster, and what undoes it. */
import type { ClusterNode } from '../../support/process-cluster-node.ts';
import type { ProcessCluster } from '../../support/process-cluster.ts';
import { stallDisk } from './disk-stall.ts';
import type { PlannedFault } from './fault-plan.ts';

export interface Inflicted {
  /** For people: what was done to whom. */
  readonly text: string;
  /** Undoes it; settles when the nodes have started that it had ended. */
  heal(): Promise<void>;
}

/** Done in this very turn. `other` is the other end of what hits a pair. */
export function inflict(
  cluster: ProcessCluster,
  fault: PlannedFault,
  victim: ClusterNode,
  other: ClusterNode,
): Inflicted {
  const { id } = victim;
  const healLinks = (): Promise<void> => Promise.resolve(cluster.heal(fault.heals));
  switch (fault.kind) {
    case 'kill': {
      const ended = victim.kill();
      return { text: id, heal: () => ended.then(() => victim.start()) };
    }
    case 'stop':
      victim.stop();
      return { text: id, heal: () => Promise.resolve(victim.cont()) };
    case 'restart': {
      const restarted = victim.restart();
      // Whoever heals awaits it; it may fail before.
      restarted.catch(() => undefined);
      return { text: id, heal: async () => void (await restarted) };
    }
    case 'partition':
      cluster.isolate(id);
      return { text: `${id} from all, then ${fault.heals}`, heal: healLinks };
    case 'cutPair':
      cluster.cut(id, other.id);
      return { text: `${id} and ${other.id}, then ${fault.heals}`, heal: healLinks };
    case 'oneWay':
      return { text: cutOneWay(cluster, fault, id, other.id), heal: healLinks };
    case 'delay':
      for (const { id: to } of cluster.nodes) if (to !== id) cluster.delay(id, to, fault.slowMs);
      return { text: `${id} by ${fault.slowMs} ms`, heal: () => Promise.resolve(cluster.heal('deliver')) };
    case 'diskStall':
      return { text: `${id} by ${fault.slowMs} ms`, heal: stallDisk(victim.life.pid, fault.slowMs) };
  }
}

function cutOneWay(cluster: ProcessCluster, { isAll, ways, heals }: PlannedFault, id: string, other: string): string {
  if (isAll) cluster.isolate(id, ways);
  else if (ways === 'out') cluster.cutOneWay(id, other);
  else cluster.cutOneWay(other, id);
  const far = isAll ? 'all' : other;
  return `${ways === 'out' ? `${id} to ${far}` : `${far} to ${id}`}, then ${heals}`;
}
