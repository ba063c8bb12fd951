/** A drill's result, for people and for programs. */
import type { DrillResult } from './drill.ts';

/** Name, count, and what it means. */
export type ReportRow = readonly [string, number, string];

/** What every drill's result has. */
export interface DrillOutcome {
  readonly kills: number;
  readonly restartMs: readonly number[];
  readonly faults: readonly string[];
  readonly oddities: readonly string[];
}

/** Milliseconds of the restarts, as `--json` gives them. */
function restartSummary(restartMs: readonly number[]): { p50: number; max: number } {
  const sorted = [...restartMs].sort((a, b) => a - b);
  return { p50: sorted[Math.floor((sorted.length - 1) / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
}

export function formatJson(result: DrillOutcome, seed: number, passed: boolean): string {
  const { restartMs, faults, oddities, ...counts } = result;
  return JSON.stringify({
    passed,
    seed,
    ...counts,
    restartMs: restartSummary(restartMs),
    faults,
    oddities: oddities.length,
  });
}

export function formatTable(result: DrillOutcome, rows: readonly ReportRow[], seed: number, passed: boolean): string {
  const restart = restartSummary(result.restartMs);
  const killed: ReportRow = [
    'kills',
    result.kills,
    `ready again in ${restart.p50} ms (median), ${restart.max} ms (worst), process start included`,
  ];
  const lines = [killed, ...rows].map(
    ([name, count, meaning]) => `${name.padEnd(12)}${String(count).padStart(8)}  ${meaning}`,
  );
  const odd = result.oddities.slice(0, 5).map((oddity) => `  odd: ${oddity}`);
  const faults = result.faults.map((fault) => `  ${fault}`);
  const end = passed ? 'passed' : 'FAILED';
  return [...lines, ...faults, ...odd, `${end}, seed ${seed}`].join('\n');
}

export function inboundRows(result: DrillResult): readonly ReportRow[] {
  return [
    ['accepted', result.accepted, 'mails that were answered with 250'],
    ['found', result.found, 'of these, in every mailbox that they were for'],
    ['lost', result.lost, 'must be 0'],
    ['doubled', result.doubled, 'must be 0'],
    ['refused', result.refused, `of these found: ${result.refusedFound}, must be 0`],
    [
      'unknown',
      result.unknown,
      `no reply, not sent again; of these found: ${result.unknownFound}, in part: ${result.torn}, must be 0`,
    ],
    ['resent', result.resent, 'sent again after a lost reply'],
    ['strays', result.strays, 'copies where they do not belong; must be 0'],
    ['UID faults', result.uidFaults + result.vanished, 'not growing, or changed after they were seen; must be 0'],
    ['wrong bytes', result.wrongBytes, 'in the sample that was read; must be 0'],
  ];
}
