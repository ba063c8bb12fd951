/** Verdicts on scaling: what a mail costs in the largest case against the smallest, in the same run, and the memory. */
import { ratio } from '../measure/medians.ts';
import type { Verdict } from '../report.ts';
import { aims } from '../aims.ts';
import type { Round } from './round.ts';

/** @param what names both cases, e.g. `1000000 mails in the mailbox against none` */
export function growthVerdicts(what: string, small: Round, large: Round): Verdict[] {
  const dearer = ratio(large.serverCpuUsPerMail, small.serverCpuUsPerMail);
  const faster = ratio(large.mailsPerSecond, small.mailsPerSecond);
  const most = 1 + aims.growthMax;
  return [
    { holds: dearer <= most, text: `${what}: ${dearer.toFixed(2)} times the CPU a mail (aim: ${most} or less)` },
    {
      holds: faster >= 1 / most,
      text: `${what}: ${faster.toFixed(2)} times the throughput (aim: ${(1 / most).toFixed(2)} or more)`,
    },
  ];
}

/** @param what names the largest case */
export function memoryVerdict(what: string, { rssAnonMib }: Round): Verdict {
  const aim = aims.rssAnonMibMax;
  return { holds: rssAnonMib < aim, text: `${what}: ${rssAnonMib.toFixed(0)} MiB RssAnon (aim: less than ${aim})` };
}

export const roundHeads = ['mails/s', 'p50 ms', 'p99 ms', 'max ms', 'cpu µs/mail', 'RssAnon MiB', 'others %'];

export function roundCells(round: Round): number[] {
  return [
    ...[round.mailsPerSecond, round.p50Ms, round.p99Ms, round.maxMs, round.serverCpuUsPerMail, round.rssAnonMib],
    round.othersShare * 100,
  ];
}
