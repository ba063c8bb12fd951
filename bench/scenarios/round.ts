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
import { machineCpuMs, type ProcessCost, totalCost } from '../measure/processes.ts';
import type { RunningServer } from '../peers/server.ts';
import {
  type Copies,
  electionsOf,
  lookAtNodes,
  medianNodes,
  type NodeRound,
  nodeRounds,
  sumCopies,
} from './node-costs.ts';
import { costsOf, syncDisks } from './servers.ts';

export interface Round {
  readonly mailsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** With a pace: from when a mail was due. */
  readonly sinceDueP99Ms: number;
  readonly sinceDueMaxMs: number;
  readonly serverCpuUsPerMail: number;
  readonly loadCpuUsPerMail: number;
  readonly rssAnonMib: number;
  /** How long the server worked on after the last mail; not part of `mailsPerSecond`. */
  readonly settleMs: number;
  readonly mails: number;
  /** Share of all cores that neither the server nor the load generator used: other work, which spoils the numbers. */
  readonly othersShare: number;
  /** `2/3` -> mails whose `250` said so. */
  readonly copies: Copies;
  /** Shards that had one, or whose leader moved, during the round. */
  readonly elections: number;
  /** None of a peer. */
  readonly nodes: readonly NodeRound[];
}

/** @throws {Error} when a mail was not accepted, or accepted and not stored */
export async function runRound(server: RunningServer, load: Omit<LoadOptions, 'host' | 'port'>): Promise<Round> {
  const storedBefore = server.storedMails?.() ?? 0;
  const ports = server.nodes?.map(({ smtpPort }) => smtpPort) ?? [server.smtpPort];
  const firstLook = await lookAtNodes(server);
  const before = costsOf(server);
  const machineBefore = machineCpuMs();
  const startMs = systemClock.monotonicMs();
  const result = mustBeClean(
    server.name,
    await spawnLoad({ ...load, host: '127.0.0.1', port: server.smtpPort, ports }),
  );
  const loaded = costsOf(server);
  const othersMs = machineCpuMs() - machineBefore - cpuMsBetween(before, loaded) - result.loadCpuMsAll;
  const othersShare = othersMs / (systemClock.monotonicMs() - startMs) / availableParallelism();
  const settleMs = await server.settle();
  const after = costsOf(server);
  const looks = [firstLook, await lookAtNodes(server)] as const;
  const stored = server.storedMails === undefined ? result.mailsAll : server.storedMails() - storedBefore;
  if (stored !== result.mailsAll)
    throw new Error(`${server.name} accepted ${result.mailsAll} mails and stored ${stored}`);
  await syncDisks();
  return {
    mailsPerSecond: result.mailsPerSecond,
    p50Ms: result.latency.p50Ms,
    p99Ms: result.latency.p99Ms,
    maxMs: result.latency.maxMs,
    sinceDueP99Ms: result.sinceDue.p99Ms,
    sinceDueMaxMs: result.sinceDue.maxMs,
    serverCpuUsPerMail: (cpuMsBetween(before, after) * 1000) / result.mailsAll,
    loadCpuUsPerMail: result.loadCpuUsPerMail,
    rssAnonMib: totalCost(loaded).rssAnonBytes / 2 ** 20,
    settleMs,
    mails: result.mailsAll,
    othersShare: Math.max(0, othersShare),
    copies: result.copies,
    elections: electionsOf(looks),
    nodes: nodeRounds(server.nodes?.map(({ name }) => name) ?? [], { before, loaded, after }, looks, result.mailsAll),
  };
}

function cpuMsBetween(before: readonly ProcessCost[], after: readonly ProcessCost[]): number {
  return totalCost(after).cpuMs - totalCost(before).cpuMs;
}

/** The median of each number by itself; maxima are the largest of all rounds, counts of what happened their sum. */
export function medianRound(rounds: readonly Round[]): Round {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  return {
    mailsPerSecond: of((round) => round.mailsPerSecond),
    p50Ms: of((round) => round.p50Ms),
    p99Ms: of((round) => round.p99Ms),
    maxMs: Math.max(...rounds.map((round) => round.maxMs)),
    sinceDueP99Ms: of((round) => round.sinceDueP99Ms),
    sinceDueMaxMs: Math.max(...rounds.map((round) => round.sinceDueMaxMs)),
    serverCpuUsPerMail: of((round) => round.serverCpuUsPerMail),
    loadCpuUsPerMail: of((round) => round.loadCpuUsPerMail),
    rssAnonMib: of((round) => round.rssAnonMib),
    settleMs: of((round) => round.settleMs),
    mails: of((round) => round.mails),
    othersShare: of((round) => round.othersShare),
    copies: sumCopies(rounds.map((round) => round.copies)),
    elections: rounds.reduce((sum, round) => sum + round.elections, 0),
    nodes: medianNodes(rounds.map((round) => round.nodes)),
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
