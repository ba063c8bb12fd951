/** The result of a drill with several nodes, for people and for programs. */
import { isClean, type Verdict } from '../../support/ledger.ts';
import { isOutboundClean, type OutboundVerdict } from '../outbound/outbound-verdict.ts';
import { percentiles, type Percentiles } from './failover.ts';
import { type FaultKind, faultKinds } from './fault-plan.ts';
import type { FaultRecord } from './fault-rounds.ts';

export interface ClusterDrillResult {
  readonly nodes: number;
  readonly minutes: number;
  readonly seed: number;
  readonly inbound: Verdict;
  /** Null: no mail was sent out. */
  readonly outbound: OutboundVerdict | null;
  /** All queues ran empty in time. */
  readonly isSettled: boolean;
  /** Recipients that the in-doubt ledger names. */
  readonly inDoubt: number;
  readonly wrongBytes: number;
  /** Mails that a list had shown and that are gone or have another UID. */
  readonly vanished: number;
  /** Mailboxes that look different through another node. */
  readonly differing: number;
  /** Answers that no fault excuses. */
  readonly wrongAnswers: number;
  /** Nodes that ended by themselves or did not start, and rounds after which the cluster did not come back. */
  readonly failures: readonly string[];
  readonly records: readonly FaultRecord[];
  /** Kinds of fault that could not be tried here, with the cure. */
  readonly skipped: readonly string[];
  /** Faults of the mail, in words. */
  readonly faults: readonly string[];
  /** What was put off, by its answer. */
  readonly putOff: ReadonlyMap<string, number>;
}

export function isClusterPassed(result: ClusterDrillResult): boolean {
  const { inbound, outbound, isSettled, wrongBytes, vanished, differing, wrongAnswers, failures } = result;
  const isMailRight = isClean(inbound) && (outbound === null || isOutboundClean(outbound)) && isSettled;
  return isMailRight && wrongBytes + vanished + differing + wrongAnswers + failures.length === 0;
}

/** Mails in and out together; a lost or doubled outbound mail is counted by its recipients. */
function totals({ inbound, outbound }: ClusterDrillResult) {
  const out = outbound ?? { accepted: 0, lost: 0, doubled: 0, refused: 0, unknown: 0 };
  return {
    accepted: inbound.accepted + out.accepted,
    found: inbound.found + Math.max(0, out.accepted - out.lost),
    lost: inbound.lost + out.lost,
    doubled: inbound.doubled + out.doubled,
    refused: inbound.refused + out.refused,
    unknown: inbound.unknown + out.unknown,
  };
}

/** Seconds from the fault to the first 250 for a recipient whose leader it hit. */
function failoverOf(records: readonly FaultRecord[], kinds: readonly FaultKind[]): Percentiles {
  const ofKind = records.filter(({ kind }) => kinds.includes(kind));
  return percentiles(ofKind.flatMap(({ probes }) => probes.map(({ ms }) => ms)));
}

const countOf = (records: readonly FaultRecord[], kind: FaultKind): number =>
  records.filter((record) => record.kind === kind).length;

export function formatClusterJson(result: ClusterDrillResult): string {
  const { nodes, minutes, seed, inbound, outbound, records, faults, failures, putOff } = result;
  const { count: _, ...failover } = failoverOf(records, faultKinds);
  return JSON.stringify({
    ...{ passed: isClusterPassed(result), seed, nodes, minutes, ...totals(result), inDoubt: result.inDoubt },
    faults: { total: records.length, ...Object.fromEntries(faultKinds.map((kind) => [kind, countOf(records, kind)])) },
    failover,
    failoverOf: Object.fromEntries(faultKinds.map((kind) => [kind, failoverOf(records, [kind])])),
    backAfter: percentiles(backTimes(records)),
    ...{ skipped: result.skipped, isSettled: result.isSettled, wrongBytes: result.wrongBytes },
    ...{ vanished: result.vanished, differing: result.differing, wrongAnswers: result.wrongAnswers },
    ...{ failures, wrong: faults, putOff: Object.fromEntries(putOff) },
    inbound: countsOf(inbound),
    outbound: outbound === null ? null : countsOf(outbound),
  });
}

function countsOf(verdict: Verdict | OutboundVerdict): Record<string, unknown> {
  return Object.fromEntries(Object.entries(verdict).filter(([name]) => name !== 'faults'));
}

const backTimes = (records: readonly FaultRecord[]): number[] =>
  records.flatMap(({ backMs, healedMs }) => (backMs === null ? [] : [backMs - healedMs]));

export function formatClusterTable(result: ClusterDrillResult): string {
  const { records, inbound, outbound, failures, faults, putOff, skipped } = result;
  const total = totals(result);
  const back = percentiles(backTimes(records));
  const rows: [string, number, string][] = [
    ['faults', records.length, `in ${result.minutes} min; all served again after ${told(back)}`],
    [
      'accepted',
      total.accepted,
      `mails that were answered with 250: ${inbound.accepted} in, ${outbound?.accepted ?? 0} out`,
    ],
    ['found', total.found, 'of these'],
    ['lost', total.lost, 'must be 0'],
    ['doubled', total.doubled, 'must be 0'],
    [
      'in doubt',
      result.inDoubt,
      `recipients in the in-doubt ledger; doubled at the far end: ${outbound?.doubledInDoubt ?? 0}`,
    ],
    ['refused', total.refused, `of these found: ${inbound.refusedFound + (outbound?.refusedFound ?? 0)}, must be 0`],
    [
      'unknown',
      total.unknown,
      `no reply or 4xx, not sent again; of these found: ${inbound.unknownFound}, in part: ${inbound.torn}`,
    ],
    ['resent', inbound.resent + (outbound?.resent ?? 0), 'sent again after 4xx or a lost reply'],
    ['strays', inbound.strays + (outbound?.strays ?? 0), 'copies where they do not belong; must be 0'],
    ['UID faults', inbound.uidFaults + result.vanished, 'not growing, or changed after they were seen; must be 0'],
    ['differing', result.differing, 'mailboxes that two nodes show differently; must be 0'],
    ['wrong bytes', result.wrongBytes, 'in the sample that was read; must be 0'],
    ['wrong words', result.wrongAnswers, '5xx to a known recipient, 250 to an unknown one; must be 0'],
    ['failures', failures.length, 'nodes that ended by themselves, clusters that did not come back; must be 0'],
  ];
  const lines = rows.map(([name, count, meaning]) => `${name.padEnd(12)}${String(count).padStart(8)}  ${meaning}`);
  const isSettled = result.isSettled ? [] : ['  the queues did not run empty in time'];
  const put = [...putOff].sort(([, a], [, b]) => b - a).slice(0, 8);
  return [
    ...lines,
    ...isSettled,
    '',
    ...failoverTable(records),
    ...skipped.map((text) => `  skipped: ${text}`),
    ...(put.length === 0
      ? []
      : ['', 'put off, by answer', ...put.map(([text, n]) => `${String(n).padStart(8)}  ${text}`)]),
    ...[...failures, ...faults].map((text) => `  ${text}`),
    `${isClusterPassed(result) ? 'passed' : 'FAILED'}, seed ${result.seed}`,
  ].join('\n');
}

function failoverTable(records: readonly FaultRecord[]): string[] {
  const header = ['fault'.padEnd(12), 'times', 'probes', 'p50', 'p99', 'max']
    .map((title) => title.padStart(8))
    .join('');
  const rows = faultKinds.flatMap((kind) => {
    const times = countOf(records, kind);
    if (times === 0) return [];
    const { count, p50, p99, max } = failoverOf(records, [kind]);
    const cells = [times, count, p50, p99, max].map((value) => String(value).padStart(8));
    return [`${kind.padEnd(12)}${cells.join('')}`];
  });
  return [`${header}  seconds from the fault to the first 250 for a recipient whose leader it hit`, ...rows];
}

const told = ({ p50, p99, max }: Percentiles): string => `${p50} s (median), ${p99} s (p99), ${max} s (worst)`;
