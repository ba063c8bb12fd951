/**
 * `smtp-out`: how fast mail for other servers is taken (submission), and how fast a queue of it leaves (delivery).
 *
 * Every server is filled and emptied in alternating rounds, all of them into the same sink: Postfix's `smtp-sink` where
 * it is installed, else ours. Begun and finished attempts are on disk in ours; Postfix removes a file.
 */
import { ratio, spread } from '../measure/medians.ts';
import type { Cell } from '../measure/table.ts';
import { outboundDomain, outboundRecipients } from '../peers/outbound.ts';
import type { RunningServer, ServerName } from '../peers/server.ts';
import type { Report, Verdict } from '../report.ts';
import type { Settings } from '../settings.ts';
import { UsageError } from '../settings.ts';
import type { RunningSink } from '../sink/running-sink.ts';
import { hasSmtpSink, startSmtpSink } from '../sink/smtp-sink.ts';
import { spawnSink } from '../sink/spawn.ts';
import { aims } from '../aims.ts';
import { medianOutbound, type OutboundRound, runOutboundRound } from './outbound-round.ts';
import { alternate } from './round.ts';
import type { Scenario } from './scenario.ts';
import { serverLabel, withServers } from './servers.ts';

interface Measured {
  readonly server: ServerName;
  readonly label: string;
  readonly sizeKib: number;
  readonly sessions: number;
  readonly median: OutboundRound;
  readonly rounds: readonly OutboundRound[];
}

export const smtpOut: Scenario = {
  what: 'mails a second out of a full queue, and into it, against --peer postfix',
  defaults: { sessions: [10], sizesKib: [10], modes: ['open'], mails: 10_000, domains: 10 },
  async run(settings, progress) {
    if (settings.peers.includes('bare')) throw new UsageError('the peer bare sends nothing out: --peer postfix');
    const names: ServerName[] = [...(settings.hasRingpost ? (['ringpost'] as const) : []), ...settings.peers];
    const sink = await (hasSmtpSink() ? startSmtpSink() : spawnSink());
    try {
      const measured: Measured[] = [];
      for (const sizeKib of settings.sizesKib) {
        for (const sessions of settings.sessions) {
          progress(`${settings.mails} mails of ${sizeKib} KiB, ${sessions} sessions: ${names.join(', ')}`);
          measured.push(...(await measure(settings, names, sink, sizeKib, sessions, progress)));
        }
      }
      return report(settings, sink, measured);
    } finally {
      await sink.stop();
    }
  },
};

function measure(
  settings: Settings,
  names: readonly ServerName[],
  sink: RunningSink,
  sizeKib: number,
  sessions: number,
  progress: (text: string) => void,
): Promise<Measured[]> {
  const domains = Array.from({ length: settings.domains }, (_, i) => outboundDomain(i));
  const routes = new Map(domains.map((domain) => [domain, `127.0.0.1:${sink.port}`]));
  const load = {
    ...{ sessions, sizeBytes: sizeKib * 1024, mode: settings.modes[0] ?? 'open', mails: settings.mails },
    ...{ seconds: settings.seconds, warmupSeconds: 0, pick: settings.pick },
    recipients: outboundRecipients(Math.max(settings.recipients, settings.domains), settings.domains),
  } as const;
  const round = async (server: RunningServer): Promise<OutboundRound> => {
    const result = await runOutboundRound(server, sink, load);
    const { submittedPerSecond, deliveredPerSecond } = result;
    progress(`${server.name}: ${submittedPerSecond.toFixed(0)} in, ${deliveredPerSecond.toFixed(0)} out a second`);
    return result;
  };
  const use = async (running: readonly RunningServer[]): Promise<Measured[]> => {
    const cases = running.map((server) => () => round(server));
    const rounds = await alternate(settings.rounds, cases);
    return running.map((server, index) => {
      const own = rounds[index] ?? [];
      const label = serverLabel(server);
      return { server: server.name, label, sizeKib, sessions, median: medianOutbound(own), rounds: own };
    });
  };
  return withServers(settings, names, 1, use, { routes, signs: settings.signs, postfixHold: settings.postfixHold });
}

function report(settings: Settings, sink: RunningSink, measured: readonly Measured[]): Report {
  const pairs = measured.flatMap((ours) =>
    ours.server !== 'ringpost'
      ? []
      : measured
          .filter((theirs) => theirs.server !== 'ringpost' && isSameLoad(ours, theirs))
          .map((theirs) => ({ ours, theirs })),
  );
  return {
    servers: [...new Set(measured.map(({ label }) => label)), `sink: ${sink.name}`],
    tables: [
      {
        title: `delivery: ${settings.mails} mails in the queue of ${settings.domains} domains, medians of the rounds`,
        heads: [
          ...['KiB', 'server', 'mails/s', 'spread %', 'first mail ms', 'cpu µs/mail', 'sink cpu µs/mail'],
          ...['RssAnon MiB', 'others %'],
        ],
        rows: measured.map(deliveryRow),
      },
      {
        title: 'submission: the same mails, taken while their domains are held',
        heads: ['KiB', 'sessions', 'server', 'mails/s', 'spread %', 'p50 ms', 'p99 ms', 'cpu µs/mail'],
        rows: measured.map(submissionRow),
      },
    ],
    verdicts: pairs.flatMap(({ ours, theirs }) => verdicts(ours, theirs)),
    data: measured,
  };
}

function isSameLoad(a: Measured, b: Measured): boolean {
  return a.sizeKib === b.sizeKib && a.sessions === b.sessions;
}

function deliveryRow({ sizeKib, server, median, rounds }: Measured): Cell[] {
  return [
    ...[sizeKib, server, median.deliveredPerSecond, spread(rounds.map((r) => r.deliveredPerSecond)) * 100],
    ...[median.firstMailMs, median.deliverCpuUsPerMail, median.sinkCpuUsPerMail],
    ...[median.rssAnonMib, median.othersShare * 100],
  ];
}

function submissionRow({ sizeKib, sessions, server, median, rounds }: Measured): Cell[] {
  return [
    ...[sizeKib, sessions, server, median.submittedPerSecond],
    ...[spread(rounds.map((r) => r.submittedPerSecond)) * 100, median.submitP50Ms, median.submitP99Ms],
    median.submitCpuUsPerMail,
  ];
}

function verdicts(ours: Measured, theirs: Measured): Verdict[] {
  const what = `${ours.sizeKib} KiB`;
  const out = ratio(ours.median.deliveredPerSecond, theirs.median.deliveredPerSecond);
  const taken = ratio(ours.median.submittedPerSecond, theirs.median.submittedPerSecond);
  const { deliveryRatioMin, submissionRatioMin, submissionSessions } = aims.smtpOut;
  const delivery = `delivery, ${what}: ${out.toFixed(2)} times ${theirs.server} (aim: ${deliveryRatioMin} or more)`;
  const submission = `submission, ${what}, ${ours.sessions} sessions: ${taken.toFixed(2)} times ${theirs.server} (aim: ${submissionRatioMin} or more)`;
  return [
    { holds: out >= deliveryRatioMin, text: delivery },
    ...(ours.sessions === submissionSessions ? [{ holds: taken >= submissionRatioMin, text: submission }] : []),
  ];
}
