/**
 * `queue-scale`: what a large queue costs those who use the server meanwhile.
 *
 * 1. One node is filled with --mails for --domains that refuse connections, in ten slices, each with its first attempts.
 * 2. It and a node with an empty queue take and deliver the same mails for other domains, in alternating rounds.
 * 3. The large one is killed amid a delivery and started again (`queue-restart.ts`).
 * 4. A domain that never answers gets --dead-mails; others' mail is timed beside it and without it (`dead-domain.ts`).
 */
import { ratio } from '../measure/medians.ts';
import { settleByCpu } from '../peers/child.ts';
import { outboundDomain, outboundRecipients } from '../peers/outbound.ts';
import { servers } from '../peers/peers.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Verdict } from '../report.ts';
import type { Settings } from '../settings.ts';
import type { RunningSink } from '../sink/running-sink.ts';
import { spawnSink } from '../sink/spawn.ts';
import { aims } from '../aims.ts';
import { mustBeClean, spawnLoad } from '../load/spawn.ts';
import { deadDomainTable, deadDomainVerdict, measureDeadDomain } from './dead-domain.ts';
import { medianOutbound, type OutboundRound, outboundOf, runOutboundRound, submissionLoad } from './outbound-round.ts';
import { measureRestart, restartVerdicts } from './queue-restart.ts';
import { alternate } from './round.ts';
import type { Scenario } from './scenario.ts';
import { costOf, makeDataDir, removeDataDir, serverLabel, withServer } from './servers.ts';

const sliceCount = 10;
/** As many log-ins at the same time as a client may have under way (`throttleLimits`). */
const fillSessions = 20;
const liveDomains = 10;
/** In a round of either node. */
const liveMails = 3000;
/** Attempts at all domains of a slice. */
const settleMsMax = 600_000;
/** Nobody listens there (RFC 1700: reserved), so a connection is refused at once. */
const refusingRelay = '127.0.0.1:1';

interface Slice {
  readonly mailsBefore: number;
  readonly submittedPerSecond: number;
  /** With its first attempts. */
  readonly cpuUsPerMail: number;
  readonly rssAnonMib: number;
}

/** Waiting mail is not tried again before the bench is over. */
const longRetry = ['queue.retry=6h'];

export const queueScale: Scenario = {
  what: 'cost of a queue of --mails for --domains, its restart, and one dead domain (full: 1000000, 100000)',
  defaults: { sessions: [10], sizesKib: [2], modes: ['open'], mails: 100_000, domains: 10_000 },
  async run(settings, progress) {
    const sink = await spawnSink();
    const dataDir = makeDataDir(settings, 'ringpost');
    const outbound = { routes: routesTo(sink), relay: refusingRelay, settings: longRetry };
    const start = (): Promise<RunningServer> =>
      servers.ringpost({ dataDir, accounts: 1, sets: settings.sets, outbound });
    try {
      let large = await start();
      try {
        progress('warm-up');
        await runOutboundRound(large, sink, liveLoad(settings));
        const slices = await fill(settings, large, progress);
        const empty = (small: RunningServer) => compare(settings, sink, small, large, progress);
        const [alone, among] = await withServer(settings, 'ringpost', 1, empty, outbound);
        const load = liveLoad(settings);
        const restarts: Awaited<ReturnType<typeof measureRestart>>['times'][] = [];
        for (let i = 0; i < Math.min(3, settings.rounds); i++) {
          progress('killing it amid a delivery');
          const { server, times } = await measureRestart(large, start, sink, load);
          large = server;
          restarts.push(times);
        }
        if (settings.deadMails > 0) progress(`a dead domain with ${settings.deadMails} mails`);
        const dead = settings.deadMails === 0 ? null : await measureDeadDomain(settings, sink, routesTo(sink));
        return {
          servers: [serverLabel(large)],
          tables: [sliceTable(slices), roundTable(settings, alone, among), ...(dead ? [deadDomainTable(dead)] : [])],
          verdicts: [
            ...growthVerdicts(settings, slices, medianOutbound(alone), medianOutbound(among)),
            ...restartVerdicts(restarts),
            ...(dead ? [deadDomainVerdict(dead)] : []),
          ],
          data: { slices, alone, among, restarts, dead },
        };
      } finally {
        await large.stop();
      }
    } finally {
      removeDataDir(settings, dataDir);
      await sink.stop();
    }
  },
};

function routesTo(sink: RunningSink): ReadonlyMap<string, string> {
  return new Map(Array.from({ length: liveDomains }, (_, i) => [outboundDomain(i), `127.0.0.1:${sink.port}`]));
}

function liveLoad(settings: Settings) {
  return {
    ...{ sessions: settings.sessions[0] ?? 10, sizeBytes: (settings.sizesKib[0] ?? 2) * 1024 },
    mode: 'open',
    ...{ mails: liveMails, seconds: settings.seconds, warmupSeconds: 0, pick: settings.pick },
    recipients: outboundRecipients(100, liveDomains),
  } as const;
}

async function fill(settings: Settings, server: RunningServer, progress: (text: string) => void): Promise<Slice[]> {
  const slices: Slice[] = [];
  const mails = Math.ceil(settings.mails / sliceCount);
  const recipients = outboundRecipients(settings.domains, settings.domains, liveDomains);
  for (let slice = 0; slice < sliceCount; slice++) {
    progress(`slice ${slice + 1} of ${sliceCount}: ${mails} mails`);
    const before = costOf(server);
    const load = { ...liveLoad(settings), sessions: fillSessions, mails, recipients };
    const result = mustBeClean(server.name, await spawnLoad(submissionLoad(outboundOf(server), load)));
    await settleByCpu(server.rootPids, { timeoutMs: settleMsMax });
    const after = costOf(server);
    slices.push({
      mailsBefore: slice * mails,
      submittedPerSecond: result.mailsPerSecond,
      cpuUsPerMail: ((after.cpuMs - before.cpuMs) * 1000) / mails,
      rssAnonMib: after.rssAnonBytes / 2 ** 20,
    });
  }
  return slices;
}

async function compare(
  settings: Settings,
  sink: RunningSink,
  small: RunningServer,
  large: RunningServer,
  progress: (text: string) => void,
): Promise<[OutboundRound[], OutboundRound[]]> {
  progress('alternating: the empty and the full queue');
  const load = liveLoad(settings);
  const cases = [small, large].map((server) => () => runOutboundRound(server, sink, load));
  // Both are cold to this load at first.
  for (const run of cases) await run();
  const [alone = [], among = []] = await alternate(settings.rounds, cases);
  return [alone, among];
}

function sliceTable(slices: readonly Slice[]) {
  return {
    title: 'while the queue fills, with the first attempts',
    heads: ['mails in it', 'mails/s taken', 'cpu µs/mail', 'RssAnon MiB'],
    rows: slices.map((slice) => [slice.mailsBefore, slice.submittedPerSecond, slice.cpuUsPerMail, slice.rssAnonMib]),
  };
}

function roundTable(settings: Settings, alone: readonly OutboundRound[], among: readonly OutboundRound[]) {
  const row = (name: string, round: OutboundRound) => [
    ...[name, round.submittedPerSecond, round.submitCpuUsPerMail, round.deliveredPerSecond, round.deliverCpuUsPerMail],
    ...[round.rssAnonMib, round.othersShare * 100],
  ];
  return {
    title: `${liveMails} mails for ${liveDomains} other domains, alternating rounds, medians`,
    heads: ['queue', 'in mails/s', 'in cpu µs', 'out mails/s', 'out cpu µs', 'RssAnon MiB', 'others %'],
    rows: [row('empty', medianOutbound(alone)), row(`${settings.mails} mails`, medianOutbound(among))],
  };
}

function growthVerdicts(
  settings: Settings,
  slices: readonly Slice[],
  small: OutboundRound,
  large: OutboundRound,
): Verdict[] {
  const most = 1 + aims.growthMax;
  const growth = (what: string, value: number): Verdict => ({
    holds: value <= most,
    text: `${what}: ${value.toFixed(2)} times the CPU a mail (aim: ${most} or less)`,
  });
  const queue = `a queue of ${settings.mails} mails against none`;
  const rssAnonMib = Math.max(large.rssAnonMib, ...slices.map((slice) => slice.rssAnonMib));
  return [
    // The first slice makes the domains.
    growth('last slice against the second', ratio(slices.at(-1)?.cpuUsPerMail ?? 0, slices[1]?.cpuUsPerMail ?? 0)),
    growth(`enqueue, ${queue}`, ratio(large.submitCpuUsPerMail, small.submitCpuUsPerMail)),
    growth(`attempt, ${queue}`, ratio(large.deliverCpuUsPerMail, small.deliverCpuUsPerMail)),
    {
      holds: rssAnonMib < aims.queueRssAnonMibMax,
      text: `${settings.mails} mails in the queue: ${rssAnonMib.toFixed(0)} MiB RssAnon (aim: less than ${aims.queueRssAnonMibMax})`,
    },
  ];
}
