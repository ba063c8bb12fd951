/**
 * `cluster-idle`: what a cluster costs that nobody uses: CPU, memory, and what its nodes say to each other.
 *
 * It has taken mail before, so that what is measured is a cluster at rest and not one that has never worked.
 */
import { systemClock } from '../../runtime/base/clock.ts';
import { aims } from '../aims.ts';
import { pause } from '../measure/wait.ts';
import { changedLeaders, leadsOf } from '../peers/cluster-shape.ts';
import type { NodeCounts } from '../peers/node-counts.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Report, Verdict } from '../report.ts';
import { warmUp } from './cluster-load.ts';
import type { Scenario } from './scenario.ts';
import { costsOf, serverLabel, withServer } from './servers.ts';

/** A node at rest. */
export interface IdleNode {
  readonly name: string;
  readonly leads: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly rssAnonBytes: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
  readonly commitsPerSecond: number;
}

interface Rest {
  readonly seconds: number;
  readonly nodes: readonly IdleNode[];
  readonly elections: number;
}

/** Checkpoints, and the garbage of the warm-up. */
const quietMs = 10_000;
const askedMs = 1_000;

export const clusterIdle: Scenario = {
  what: 'CPU, memory and mesh traffic of a cluster of --nodes that nobody uses, for --seconds 30',
  defaults: { sessions: [50], sizesKib: [10], modes: ['open'], seconds: 30, nodes: [3] },
  run(settings, progress) {
    progress(`a cluster of ${settings.nodes[0]} nodes`);
    return withServer(settings, 'ringpost', settings.recipients, async (server) => {
      progress('warm-up');
      await warmUp(settings, server);
      await pause(quietMs);
      progress(`nothing, for ${settings.seconds} s`);
      return idleReport(server, await rest(server, settings.seconds));
    });
  },
};

async function rest(server: RunningServer, seconds: number): Promise<Rest> {
  const firstLeaders = (await server.leaders?.()) ?? [];
  // What answering that costs is over by then.
  await pause(askedMs);
  const [countsBefore, before, startMs] = [await countsOf(server), costsOf(server), systemClock.monotonicMs()];
  await pause(seconds * 1000);
  const [tookMs, after, countsAfter] = [systemClock.monotonicMs() - startMs, costsOf(server), await countsOf(server)];
  const lastLeaders = (await server.leaders?.()) ?? [];
  const nodes = (server.nodes ?? []).map(({ name }, at): IdleNode => {
    const perSecond = (pick: (counts: NodeCounts) => number): number =>
      ((pick(countsAfter[at] as NodeCounts) - pick(countsBefore[at] as NodeCounts)) * 1000) / tookMs;
    return {
      name,
      leads: lastLeaders.length === 0 ? Number.NaN : leadsOf(lastLeaders, name),
      cpuShare: ((after[at]?.cpuMs ?? 0) - (before[at]?.cpuMs ?? 0)) / tookMs,
      rssAnonBytes: after[at]?.rssAnonBytes ?? 0,
      bytesInPerSecond: perSecond((counts) => counts.meshBytesIn),
      bytesOutPerSecond: perSecond((counts) => counts.meshBytesOut),
      commitsPerSecond: perSecond((counts) => counts.commits),
    };
  });
  return { seconds: tookMs / 1000, nodes, elections: changedLeaders(firstLeaders, lastLeaders) };
}

function countsOf({ nodes = [] }: RunningServer): Promise<readonly NodeCounts[]> {
  return Promise.all(nodes.map((node) => node.counts()));
}

export function idleReport(
  server: Pick<RunningServer, 'name' | 'version'>,
  { seconds, nodes, elections }: Rest,
): Report {
  return {
    servers: [serverLabel(server)],
    tables: [
      {
        title: `at rest for ${seconds.toFixed(0)} s`,
        heads: ['node', 'leads', 'cpu % of a core', 'RssAnon MiB', 'mesh in B/s', 'mesh out B/s', 'both', 'commits/s'],
        rows: nodes.map((node) => [
          ...[node.name, node.leads, node.cpuShare * 100, node.rssAnonBytes / 2 ** 20],
          ...[node.bytesInPerSecond, node.bytesOutPerSecond, bothWays(node), node.commitsPerSecond],
        ]),
      },
    ],
    verdicts: [
      ...nodes.map(idleVerdict),
      { holds: elections === 0, text: `${elections} elections or moved leaders at rest (aim: 0)` },
    ],
    data: { seconds, nodes, elections },
  };
}

const bothWays = (node: IdleNode): number => node.bytesInPerSecond + node.bytesOutPerSecond;

function formatTraffic(node: IdleNode): string {
  const bytes = bothWays(node);
  return Number.isNaN(bytes) ? 'nobody knows what' : `${(bytes / 1000).toFixed(1)} KB/s`;
}

function idleVerdict(node: IdleNode): Verdict {
  const { cpuShareMax, rssAnonMibMax, bytesPerSecondMax } = aims.clusterIdle;
  const mib = node.rssAnonBytes / 2 ** 20;
  // What is not told is NaN, which is not less than anything, so that it does not hold.
  const holds = node.cpuShare < cpuShareMax && mib < rssAnonMibMax && bothWays(node) < bytesPerSecondMax;
  const measured = `${(node.cpuShare * 100).toFixed(2)} % of a core, RssAnon ${mib.toFixed(0)} MiB, ${formatTraffic(node)} on the mesh`;
  const aim = `less than ${cpuShareMax * 100} %, ${rssAnonMibMax} MiB, ${bytesPerSecondMax / 1000} KB/s`;
  return { holds, text: `${node.name} at rest: ${measured} (aim: ${aim})` };
}
