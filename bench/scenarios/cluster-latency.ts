/**
 * `cluster-latency`: how long a mail waits for its `250` in a cluster that is not at its limit.
 *
 * First as fast as it goes, which tells the limit; then at a steady pace below it. The pace is kept as other people's mail
 * keeps it: what a stall held up is made up for, and two times are told, that from MAIL and that from when a mail was due.
 */
import { aims } from '../aims.ts';
import type { Cell } from '../measure/table.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Report, Verdict } from '../report.ts';
import type { Settings } from '../settings.ts';
import { clusterLoad, warmUp } from './cluster-load.ts';
import { clusterVerdicts, formatCopies } from './node-costs.ts';
import { medianRound, type Round, runRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { serverLabel, withServer } from './servers.ts';

export const clusterLatency: Scenario = {
  what: 'latency of a cluster of --nodes at 70 % of the most that it takes',
  defaults: { sessions: [50], sizesKib: [10], modes: ['open'], seconds: 10, nodes: [3] },
  async run(settings, progress) {
    progress(`a cluster of ${settings.nodes[0]} nodes`);
    return withServer(settings, 'ringpost', settings.recipients, async (server) => {
      progress('warm-up');
      await warmUp(settings, server);
      progress('as fast as it goes');
      const fastest = await roundsOf(settings, () => runRound(server, clusterLoad(settings)));
      const perSecond = medianRound(fastest).mailsPerSecond * aims.clusterLatency.loadShare;
      progress(`at ${perSecond.toFixed(0)} mails/s`);
      const pace = { ...clusterLoad(settings), perSecond, makesUp: true };
      const paced = await roundsOf(settings, () => runRound(server, pace));
      return latencyReport(server, perSecond, fastest, paced);
    });
  },
};

async function roundsOf(settings: Settings, run: () => Promise<Round>): Promise<Round[]> {
  const rounds: Round[] = [];
  while (rounds.length < settings.rounds) rounds.push(await run());
  return rounds;
}

/** @param perSecond the pace that was asked for */
export function latencyReport(
  server: Pick<RunningServer, 'name' | 'version'>,
  perSecond: number,
  fastest: readonly Round[],
  paced: readonly Round[],
): Report {
  const [limit, steady] = [medianRound(fastest), medianRound(paced)];
  const share = `${(aims.clusterLatency.loadShare * 100).toFixed(0)} %`;
  return {
    servers: [serverLabel(server)],
    tables: [
      {
        title: 'medians of the rounds (max: of all rounds)',
        heads: [
          ...['load', 'mails/s', 'p50 ms', 'p99 ms', 'max ms', 'p99 since due', 'max since due'],
          ...['cpu µs/mail', 'copies', 'elections', 'others %'],
        ],
        rows: [row('as fast as it goes', limit), row(`${share} of that`, steady)],
      },
    ],
    verdicts: [
      ...latencyVerdicts(perSecond, steady),
      ...clusterVerdicts(`at ${share}`, steady.copies, steady.elections),
    ],
    data: { perSecond, fastest, paced },
  };
}

function row(load: string, round: Round): Cell[] {
  return [
    ...[load, round.mailsPerSecond, round.p50Ms, round.p99Ms, round.maxMs],
    ...[round.sinceDueP99Ms, round.sinceDueMaxMs],
    ...[round.serverCpuUsPerMail, formatCopies(round.copies), round.elections, round.othersShare * 100],
  ];
}

function latencyVerdicts(perSecond: number, { p99Ms, sinceDueP99Ms, mailsPerSecond }: Round): Verdict[] {
  const { p99MsMax, paceShareMin } = aims.clusterLatency;
  const kept = mailsPerSecond / perSecond;
  return [
    {
      holds: p99Ms < p99MsMax,
      text: `p99 of 250: ${p99Ms.toFixed(0)} ms from MAIL, ${sinceDueP99Ms.toFixed(0)} ms from when it was due (aim: less than ${p99MsMax} from MAIL)`,
    },
    {
      holds: kept >= paceShareMin,
      text: `the pace of ${perSecond.toFixed(0)} mails/s: ${(kept * 100).toFixed(0)} % of it was kept (aim: ${paceShareMin * 100} % or more)`,
    },
  ];
}
