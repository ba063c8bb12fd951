/** A node with a large queue, killed amid a delivery: how soon it serves again, and how soon attempts go on. */
import { systemClock } from '../../runtime/base/clock.ts';
import type { LoadOptions } from '../load/generator.ts';
import { mustBeClean, spawnLoad } from '../load/spawn.ts';
import { median } from '../measure/medians.ts';
import { until } from '../measure/wait.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Verdict } from '../report.ts';
import type { RunningSink } from '../sink/running-sink.ts';
import { aims } from '../aims.ts';
import { outboundOf, submissionLoad } from './outbound-round.ts';

export interface RestartTimes {
  /** From the start of the process until it is ready. */
  readonly readyMs: number;
  /** From the start of the process to the next mail at the sink. */
  readonly firstMailMs: number;
}

const deliveryMsMax = 60_000;

/**
 * @param start starts it again over the same data
 * @returns the new server, and how long it took
 */
export async function measureRestart(
  server: RunningServer,
  start: () => Promise<RunningServer>,
  sink: RunningSink,
  load: Omit<LoadOptions, 'host' | 'port' | 'auth' | 'sender'> & { readonly mails: number },
): Promise<{ server: RunningServer; times: RestartTimes }> {
  const outbound = outboundOf(server);
  await outbound.hold();
  mustBeClean(server.name, await spawnLoad(submissionLoad(outbound, load)));
  await sink.reset();
  await outbound.release();
  const arrived = (count: number) => async () => (await sink.counts()).mails >= count;
  await until('the delivery has begun', arrived(load.mails / 10), deliveryMsMax);
  await server.kill();
  await sink.reset();
  const startMs = systemClock.monotonicMs();
  const [restarted, firstMailMs] = await Promise.all([
    start(),
    until('attempts go on', arrived(1), deliveryMsMax).then(() => systemClock.monotonicMs() - startMs),
  ]);
  // What was begun when it died waits for its time; all the others leave at once.
  return { server: restarted, times: { readyMs: restarted.startMs, firstMailMs } };
}

export function restartVerdicts(restarts: readonly RestartTimes[]): Verdict[] {
  const of = (what: string, pick: (times: RestartTimes) => number): Verdict => {
    const value = median(restarts.map(pick));
    const text = `restart after kill -9, until ${what}: ${value.toFixed(0)} ms (aim: ${aims.startMsMax} or less)`;
    return { holds: value <= aims.startMsMax, text };
  };
  return [of('it is ready', ({ readyMs }) => readyMs), of('the next mail is out', ({ firstMailMs }) => firstMailMs)];
}
