/** `npm run drill`: see `--help`. */
import { randomInt } from 'node:crypto';
import { runClusterDrill } from './cluster/cluster-drill.ts';
import {
  type ClusterDrillResult,
  formatClusterJson,
  formatClusterTable,
  isClusterPassed,
} from './cluster/cluster-report.ts';
import { isPassed, runDrill } from './drill.ts';
import { type DrillOptions, parseOptions, usage } from './options.ts';
import { isOutboundPassed, runOutboundDrill } from './outbound/outbound-drill.ts';
import { outboundRows } from './outbound/outbound-report.ts';
import { type DrillOutcome, formatJson, formatTable, inboundRows, type ReportRow } from './report.ts';

async function main(words: readonly string[]): Promise<number> {
  if (words.includes('--help')) {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  let options: DrillOptions;
  try {
    options = parseOptions(words, randomInt(1_000_000));
  } catch (error) {
    process.stderr.write(`drill: ${(error as Error).message}\n\n${usage}\n`);
    return 2;
  }
  if (options.nodes > 1) return cluster(options);
  const { result, rows, passed } = await (options.outbound ? outbound(options) : inbound(options));
  const text = options.json
    ? formatJson(result, options.seed, passed)
    : formatTable(result, rows, options.seed, passed);
  process.stdout.write(`${text}\n`);
  return passed ? 0 : 1;
}

interface Ran {
  readonly result: DrillOutcome;
  readonly rows: readonly ReportRow[];
  readonly passed: boolean;
}

async function inbound(options: DrillOptions): Promise<Ran> {
  const result = await runDrill(options, progress);
  return { result, rows: inboundRows(result), passed: isPassed(result) };
}

async function outbound(options: DrillOptions): Promise<Ran> {
  const result = await runOutboundDrill(options, progress);
  return { result, rows: outboundRows(result), passed: isOutboundPassed(result) };
}

async function cluster(options: DrillOptions): Promise<number> {
  let result: ClusterDrillResult;
  try {
    result = await runClusterDrill(options, progress);
  } catch (error) {
    // A cluster that does not form, or cannot be read in the end, is a result as well; nothing is known of its mail.
    const text = (error as Error).message;
    process.stderr.write(`drill: ${text}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify({ passed: false, seed: options.seed, error: text })}\n`);
    return 1;
  }
  process.stdout.write(`${options.json ? formatClusterJson(result) : formatClusterTable(result)}\n`);
  return isClusterPassed(result) ? 0 : 1;
}

function progress(line: string): void {
  process.stderr.write(`drill: ${line}\n`);
}

// An interrupted drill takes its node and its directory along: both are undone at `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
