/**
 * `cluster-scaling`: the same load on clusters of different sizes, all on this machine.
 *
 * One after another and not in alternating rounds: nodes at rest beside the loaded ones would cost what is to be measured.
 * So rows compare only on a machine that stays as it is, which `spread %` and `others %` tell.
 */
import { spread } from '../measure/medians.ts';
import type { Cell } from '../measure/table.ts';
import type { Report } from '../report.ts';
import type { Settings } from '../settings.ts';
import { clusterLoad, warmUp } from './cluster-load.ts';
import { clusterVerdicts, formatCopies, nodeCells, nodeHeads } from './node-costs.ts';
import { medianRound, type Round, runRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { serverLabel, withServer } from './servers.ts';

export interface MeasuredCluster {
  readonly nodes: number;
  readonly label: string;
  /** Until all shards had all their copies; of a lone node until it served. */
  readonly startMs: number;
  readonly rounds: readonly Round[];
}

export const clusterScaling: Scenario = {
  what: 'throughput, latency and CPU of a node for --nodes 1,3,5 on this machine',
  defaults: { sessions: [50], sizesKib: [10], modes: ['open'], nodes: [1, 3, 5] },
  async run(settings, progress) {
    const measured: MeasuredCluster[] = [];
    for (const nodes of settings.nodes) {
      progress(`${nodes} ${nodes === 1 ? 'node' : 'nodes'}`);
      measured.push(await measure({ ...settings, nodes: [nodes] }, nodes));
    }
    return scalingReport(measured);
  },
};

function measure(settings: Settings, nodes: number): Promise<MeasuredCluster> {
  return withServer(settings, 'ringpost', settings.recipients, async (server) => {
    await warmUp(settings, server);
    const rounds: Round[] = [];
    while (rounds.length < settings.rounds) rounds.push(await runRound(server, clusterLoad(settings)));
    return { nodes, label: serverLabel(server), startMs: server.startMs, rounds };
  });
}

export function scalingReport(measured: readonly MeasuredCluster[]): Report {
  return {
    servers: measured.map(({ label }) => label),
    tables: [
      {
        title: 'medians of the rounds (max: of all rounds); CPU and memory of all nodes together',
        heads: [
          ...['nodes', 'mails/s', 'spread %', 'p50 ms', 'p99 ms', 'max ms', 'cpu µs/mail', 'load cpu µs/mail'],
          ...['RssAnon MiB', 'copies', 'elections', 'others %', 'whole after s'],
        ],
        rows: measured.map(row),
      },
      {
        title: 'node by node (CPU: of this node, for each mail of the cluster)',
        heads: ['of', ...nodeHeads],
        rows: measured.flatMap(({ nodes, rounds }) => medianRound(rounds).nodes.map((n) => [nodes, ...nodeCells(n)])),
      },
    ],
    verdicts: measured.flatMap(({ nodes, rounds }) => {
      const { copies, elections } = medianRound(rounds);
      return nodes === 1 ? [] : clusterVerdicts(`${nodes} nodes`, copies, elections);
    }),
    data: measured,
  };
}

function row({ nodes, startMs, rounds }: MeasuredCluster): Cell[] {
  const median = medianRound(rounds);
  return [
    ...[nodes, median.mailsPerSecond, spread(rounds.map((r) => r.mailsPerSecond)) * 100],
    ...[median.p50Ms, median.p99Ms, median.maxMs, median.serverCpuUsPerMail, median.loadCpuUsPerMail],
    ...[median.rssAnonMib, formatCopies(median.copies), median.elections, median.othersShare * 100, startMs / 1000],
  ];
}
