/** `npm run drill`: see `--help`. */
import { randomInt } from 'node:crypto';
import { isPassed, runDrill } from './drill.ts';
import { type DrillOptions, parseOptions, usage } from './options.ts';
import { formatJson, formatTable } from './report.ts';

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
  const result = await runDrill(options, (line) => void process.stderr.write(`drill: ${line}\n`));
  const passed = isPassed(result);
  const format = options.json ? formatJson : formatTable;
  process.stdout.write(`${format(result, options.seed, passed)}\n`);
  return passed ? 0 : 1;
}

// An interrupted drill takes its node and its directory along: both are undone at `exit`.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));
