/**
 * One domain that takes connections and never says a word, with many mails waiting for it: what mail for others takes
 * from the final dot here to the final dot there, beside it and without it.
 */
import { mustBeClean, spawnLoad } from '../load/spawn.ts';
import { median, ratio } from '../measure/medians.ts';
import { until } from '../measure/wait.ts';
import { outboundRecipients } from '../peers/outbound.ts';
import type { RunningServer } from '../peers/server.ts';
import type { ReportTable, Verdict } from '../report.ts';
import type { Settings } from '../settings.ts';
import type { RunningSink } from '../sink/running-sink.ts';
import type { SinkCounts } from '../sink/counts.ts';
import { spawnSink } from '../sink/spawn.ts';
import { aims } from '../aims.ts';
import { outboundOf, submissionLoad } from './outbound-round.ts';
import { alternate } from './round.ts';
import { withServer } from './servers.ts';

export interface DeadDomain {
  readonly mails: number;
  readonly without: readonly SinkCounts[];
  readonly beside: readonly SinkCounts[];
}

const deadDomain = 'dead.example';
/** Well below what a node delivers: what is measured is waiting for others, not for oneself. */
const perSecond = 200;
const arriveMsMax = 60_000;
/** As many log-ins at the same time as a client may have under way (`throttleLimits`). */
const fillSessions = 20;
const sizeBytes = 2048;

export async function measureDeadDomain(
  settings: Settings,
  sink: RunningSink,
  routes: ReadonlyMap<string, string>,
): Promise<DeadDomain> {
  const silent = await spawnSink({ rules: [{ at: 'greeting', delayMs: 3_600_000 }] });
  const outbound = {
    routes: new Map([...routes, [deadDomain, `127.0.0.1:${silent.port}`]]),
    settings: ['queue.retry=6h'],
  };
  const recipients = outboundRecipients(100, routes.size);
  const use = (healthy: RunningServer, burdened: RunningServer) => async () => {
    await addDeadMails(burdened, settings.deadMails);
    const cases = [healthy, burdened].map((server) => () => timeOthers(settings, server, sink, recipients));
    for (const run of cases) await run();
    const [without = [], beside = []] = await alternate(settings.rounds, cases);
    return { mails: settings.deadMails, without, beside };
  };
  try {
    return await withServer(
      settings,
      'ringpost',
      1,
      (healthy) => withServer(settings, 'ringpost', 1, (burdened) => use(healthy, burdened)(), outbound),
      outbound,
    );
  } finally {
    await silent.stop();
  }
}

async function addDeadMails(server: RunningServer, mails: number): Promise<void> {
  const load = { sessions: fillSessions, sizeBytes, mode: 'open', seconds: 1, warmupSeconds: 0, mails } as const;
  const recipients = Array.from({ length: 1000 }, (_, i) => `r${i}@${deadDomain}`);
  const options = submissionLoad(outboundOf(server), { ...load, recipients, pick: 'round-robin' });
  mustBeClean(server.name, await spawnLoad(options));
}

async function timeOthers(
  settings: Settings,
  server: RunningServer,
  sink: RunningSink,
  recipients: readonly string[],
): Promise<SinkCounts> {
  await sink.reset();
  const mails = Math.round(perSecond * settings.seconds);
  const load = { sessions: settings.sessions[0] ?? 10, sizeBytes, mode: 'open', seconds: 1, warmupSeconds: 0 } as const;
  const options = submissionLoad(outboundOf(server), { ...load, mails, perSecond, recipients, pick: 'round-robin' });
  mustBeClean(server.name, await spawnLoad(options));
  await until('all of them are at the sink', async () => (await sink.counts()).mails >= mails, arriveMsMax);
  return sink.counts();
}

const medianOf = (rounds: readonly SinkCounts[], pick: (counts: SinkCounts) => number): number =>
  median(rounds.map(pick));

export function deadDomainTable({ mails, without, beside }: DeadDomain): ReportTable {
  const row = (name: string, rounds: readonly SinkCounts[]) => [
    name,
    medianOf(rounds, ({ latency }) => latency.p50Ms),
    medianOf(rounds, ({ latency }) => latency.p99Ms),
    Math.max(...rounds.map(({ latency }) => latency.maxMs)),
  ];
  return {
    title: `others' mail at ${perSecond} a second, from DATA here to the final dot there, medians`,
    heads: ['dead domain', 'p50 ms', 'p99 ms', 'max ms'],
    rows: [row('none', without), row(`${mails} mails`, beside)],
  };
}

export function deadDomainVerdict({ mails, without, beside }: DeadDomain): Verdict {
  const p99 = (rounds: readonly SinkCounts[]): number => medianOf(rounds, ({ latency }) => latency.p99Ms);
  const value = ratio(p99(beside), p99(without));
  const aim = aims.deadDomainP99RatioMax;
  const text = `a dead domain with ${mails} mails: ${value.toFixed(2)} times the p99 of others' mail (aim: ${aim} or less)`;
  return { holds: value <= aim, text };
}
