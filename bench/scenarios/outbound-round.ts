/**
 * One server, one full queue: how fast it was filled, and how fast it left.
 *
 * A round holds the queue, hands in the mails (that is the submission), lets the queue go, and waits until all of them
 * are at the sink. Mails/s of the delivery run from the first mail at the sink to the last, as the sink saw them.
 */
import { availableParallelism } from 'node:os';
import { systemClock } from '../../runtime/base/clock.ts';
import type { LoadOptions } from '../load/generator.ts';
import { mustBeClean, spawnLoad } from '../load/spawn.ts';
import { median } from '../measure/medians.ts';
import { machineCpuMs, processTreeCost } from '../measure/processes.ts';
import { pause, until } from '../measure/wait.ts';
import { settleByCpu } from '../peers/child.ts';
import type { Outbound } from '../peers/outbound.ts';
import type { RunningServer } from '../peers/server.ts';
import type { SinkCounts } from '../sink/counts.ts';
import type { RunningSink } from '../sink/running-sink.ts';
import { costOf, syncDisks } from './servers.ts';

export interface OutboundRound {
  readonly mails: number;
  readonly submittedPerSecond: number;
  readonly submitP50Ms: number;
  readonly submitP99Ms: number;
  readonly submitCpuUsPerMail: number;
  readonly deliveredPerSecond: number;
  /** From letting the queue go to the first mail at the sink. */
  readonly firstMailMs: number;
  readonly deliverCpuUsPerMail: number;
  /** Of the sink's process. */
  readonly sinkCpuUsPerMail: number;
  readonly rssAnonMib: number;
  /** As `Round.othersShare`, during the delivery. */
  readonly othersShare: number;
}

/** No mail at the sink for so long: the delivery has stopped. */
const silenceMsMax = 60_000;
/** After the last mail has come: results are committed, queue files removed. */
const emptyMsMax = 60_000;
const lookMs = 20;

export function outboundOf(server: RunningServer): Outbound {
  if (server.outbound === undefined) throw new Error(`${server.name} does not send mail out`);
  return server.outbound;
}

/** A load that is handed in for other servers. */
export function submissionLoad(
  { port, auth, sender }: Outbound,
  load: Omit<LoadOptions, 'host' | 'port' | 'auth' | 'sender'>,
): LoadOptions {
  return { ...load, host: '127.0.0.1', port, sender, ...(auth === undefined ? {} : { auth }) };
}

/** @throws {Error} when a mail was not accepted, or did not come to the sink, or came twice */
export async function runOutboundRound(
  server: RunningServer,
  sink: RunningSink,
  load: Omit<LoadOptions, 'host' | 'port' | 'auth' | 'sender' | 'mails'> & { readonly mails: number },
): Promise<OutboundRound> {
  const outbound = outboundOf(server);
  await outbound.hold();
  const start = costOf(server);
  const submitted = mustBeClean(server.name, await spawnLoad(submissionLoad(outbound, load)));
  await settleByCpu(server.rootPids);
  const filled = costOf(server);
  await syncDisks();
  await sink.reset();
  const [machineBefore, sinkBefore, releaseMs] = [machineCpuMs(), processTreeCost(sink.pid), systemClock.monotonicMs()];
  await outbound.release();
  const { counts, firstMs } = await untilDelivered(server, sink, load.mails, releaseMs);
  const delivered = costOf(server);
  const sinkCpuMs = processTreeCost(sink.pid).cpuMs - sinkBefore.cpuMs;
  const othersMs = machineCpuMs() - machineBefore - (delivered.cpuMs - filled.cpuMs) - sinkCpuMs;
  const othersShare = othersMs / (systemClock.monotonicMs() - releaseMs) / availableParallelism();
  await untilEmpty(server, outbound);
  const after = costOf(server);
  const final = await sink.counts();
  if (final.mails !== load.mails) throw new Error(`${server.name}: ${final.mails} mails at the sink of ${load.mails}`);
  await syncDisks();
  return {
    mails: load.mails,
    submittedPerSecond: submitted.mailsPerSecond,
    submitP50Ms: submitted.latency.p50Ms,
    submitP99Ms: submitted.latency.p99Ms,
    submitCpuUsPerMail: ((filled.cpuMs - start.cpuMs) * 1000) / load.mails,
    deliveredPerSecond: ((counts.mails - 1) * 1000) / (counts.lastMs - counts.firstMs),
    firstMailMs: firstMs,
    deliverCpuUsPerMail: ((after.cpuMs - filled.cpuMs) * 1000) / load.mails,
    sinkCpuUsPerMail: (sinkCpuMs * 1000) / load.mails,
    rssAnonMib: delivered.rssAnonBytes / 2 ** 20,
    othersShare: Math.max(0, othersShare),
  };
}

async function untilDelivered(
  server: RunningServer,
  sink: RunningSink,
  mails: number,
  releaseMs: number,
): Promise<{ counts: SinkCounts; firstMs: number }> {
  let [seen, seenAtMs, firstMs] = [0, systemClock.monotonicMs(), Number.NaN];
  for (;;) {
    const counts = await sink.counts();
    const nowMs = systemClock.monotonicMs();
    if (counts.mails > 0 && Number.isNaN(firstMs)) firstMs = nowMs - releaseMs;
    if (counts.mails >= mails) return { counts, firstMs };
    if (counts.mails > seen) [seen, seenAtMs] = [counts.mails, nowMs];
    if (nowMs - seenAtMs > silenceMsMax) {
      throw new Error(`${server.name}: ${seen} of ${mails} mails at the sink, and none for ${silenceMsMax / 1000} s`);
    }
    await pause(lookMs);
  }
}

async function untilEmpty(server: RunningServer, outbound: Outbound): Promise<void> {
  await until(`the queue of ${server.name} is empty`, () => outbound.isEmpty(), emptyMsMax);
  await server.settle();
}

/** The median of each number by itself. */
export function medianOutbound(rounds: readonly OutboundRound[]): OutboundRound {
  const of = (pick: (round: OutboundRound) => number): number => median(rounds.map(pick));
  return {
    mails: of((round) => round.mails),
    submittedPerSecond: of((round) => round.submittedPerSecond),
    submitP50Ms: of((round) => round.submitP50Ms),
    submitP99Ms: of((round) => round.submitP99Ms),
    submitCpuUsPerMail: of((round) => round.submitCpuUsPerMail),
    deliveredPerSecond: of((round) => round.deliveredPerSecond),
    firstMailMs: of((round) => round.firstMailMs),
    deliverCpuUsPerMail: of((round) => round.deliverCpuUsPerMail),
    sinkCpuUsPerMail: of((round) => round.sinkCpuUsPerMail),
    rssAnonMib: of((round) => round.rssAnonMib),
    othersShare: of((round) => round.othersShare),
  };
}
