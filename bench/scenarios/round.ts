/**
 * One server, one load, one set of numbers.
 *
 * CPU of a mail: all CPU of the server's processes from the start of the load until it has settled (warm-up, window,
 * tail, and what a queue still had to deliver), divided by all mails accepted in that time.
 */
import { availableParallelism } from 'node:os';
import { systemClock } from '../../runtime/base/clock.ts';
import type { LoadOptions } from '../load/generator.ts';
import { mustBeClean, spawnLoad } from '../load/spawn.ts';
import { median } from '../measure/medians.ts';
import { machineCpuMs, processTreeCost } from '../measure/processes.ts';
import type { RunningServer } from '../peers/server.ts';
import { syncDisks } from './servers.ts';

export interface Round {
  readonly mailsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly serverCpuUsPerMail: number;
  readonly loadCpuUsPerMail: number;
  readonly rssAnonMib: number;
  /** How long the server worked on after the last mail; not part of `mailsPerSecond`. */
  readonly settleMs: number;
  readonly mails: number;
  /** Share of all cores that neither the server nor the load generator used: other work, which spoils the numbers. */
  readonly othersShare: number;
}

/** @throws {Error} when a mail was not accepted, or accepted and not stored */
export async function runRound(server: RunningServer, load: Omit<LoadOptions, 'host' | 'port'>): Promise<Round> {
  const storedBefore = server.storedMails?.() ?? 0;
  const before = processTreeCost(server.rootPid);
  const machineBefore = machineCpuMs();
  const startMs = systemClock.monotonicMs();
  const result = mustBeClean(server.name, await spawnLoad({ ...load, host: '127.0.0.1', port: server.smtpPort }));
  const loaded = processTreeCost(server.rootPid);
  const othersMs = machineCpuMs() - machineBefore - (loaded.cpuMs - before.cpuMs) - result.loadCpuMsAll;
  const othersShare = othersMs / (systemClock.monotonicMs() - startMs) / availableParallelism();
  const settleMs = await server.settle();
  const after = processTreeCost(server.rootPid);
  const stored = server.storedMails === undefined ? result.mailsAll : server.storedMails() - storedBefore;
  if (stored !== result.mailsAll)
    throw new Error(`${server.name} accepted ${result.mailsAll} mails and stored ${stored}`);
  await syncDisks();
  return {
    mailsPerSecond: result.mailsPerSecond,
    p50Ms: result.latency.p50Ms,
    p99Ms: result.latency.p99Ms,
    maxMs: result.latency.maxMs,
    serverCpuUsPerMail: ((after.cpuMs - before.cpuMs) * 1000) / result.mailsAll,
    loadCpuUsPerMail: result.loadCpuUsPerMail,
    rssAnonMib: loaded.rssAnonBytes / 2 ** 20,
    settleMs,
    mails: result.mailsAll,
    othersShare: Math.max(0, othersShare),
  };
}

/** The median of each number by itself; `maxMs` is the largest of all rounds. */
export function medianRound(rounds: readonly Round[]): Round {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  return {
    mailsPerSecond: of((round) => round.mailsPerSecond),
    p50Ms: of((round) => round.p50Ms),
    p99Ms: of((round) => round.p99Ms),
    maxMs: Math.max(...rounds.map((round) => round.maxMs)),
    serverCpuUsPerMail: of((round) => round.serverCpuUsPerMail),
    loadCpuUsPerMail: of((round) => round.loadCpuUsPerMail),
    rssAnonMib: of((round) => round.rssAnonMib),
    settleMs: of((round) => round.settleMs),
    mails: of((round) => round.mails),
    othersShare: of((round) => round.othersShare),
  };
}

/**
 * `rounds` rounds of each of `cases`, in turn; each round begins with another one, so that none is always the first.
 * @returns the rounds of each case, in the order of `cases`
 */
export async function alternate<T>(rounds: number, cases: readonly (() => Promise<T>)[]): Promise<T[][]> {
  const results: T[][] = cases.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < cases.length; turn++) {
      const index = (round + turn) % cases.length;
      const run = cases[index];
      if (run !== undefined) results[index]?.push(await run());
    }
  }
  return results;
}
