/**
 * `npm run cluster`: three nodes on this machine, to try the cluster at once.
 *
 * Promises: Ctrl-C stops all that it started; a node that ends meanwhile is said, and not started again.
 */
import { systemClock } from '../../runtime/base/clock.ts';
import { goneText, instructions, type RunningNode } from './instructions.ts';
import { layoutOf, type LayoutOptions } from './layout.ts';
import { parseOptions, usage, UsageError } from './options.ts';
import { formatEnd } from './programs.ts';
import { Trial, TrialError, type TrialIo } from './trial.ts';

const isTerminal = process.stdout.isTTY === true;
let isLineOpen = false;

/** Ends the line of progress, where there is one. */
function say(text: string): void {
  process.stdout.write(`${isLineOpen ? '\n' : ''}${text}\n`);
  isLineOpen = false;
}

const io: TrialIo = {
  clock: systemClock,
  say,
  progress(text) {
    if (!isTerminal) return say(text);
    process.stdout.write(`\r\x1b[K${text}`);
    isLineOpen = true;
  },
};

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  let options: LayoutOptions | null;
  try {
    options = parseOptions(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    return 2;
  }
  if (options === null) {
    say(usage);
    return 0;
  }
  return await runTrial(new Trial(layoutOf(options), io));
}

async function runTrial(trial: Trial): Promise<number> {
  let isToldToStop = false;
  const told = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        isToldToStop = true;
        resolve();
      });
    }
  });
  try {
    const facts = await Promise.race([trial.start(), told]);
    if (facts === undefined) return 0;
    const nodes = trial.nodes.map((node): RunningNode => ({ ...node, pid: trial.process(node)?.pid ?? 0 }));
    say(`\n${instructions(nodes, facts)}`);
    const allGone = watchEnds(trial, nodes, () => isToldToStop);
    await Promise.race([told, allGone]);
    return isToldToStop ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TrialError)) throw error;
    say(`ringpost: ${error.message}`);
    return 1;
  } finally {
    if (isToldToStop) say('Stopping all');
    await trial.stop();
  }
}

/** Settles when none is left. */
async function watchEnds(trial: Trial, nodes: readonly RunningNode[], isStopping: () => boolean): Promise<void> {
  let left = nodes.length;
  await Promise.all(
    nodes.map(async (node) => {
      const end = await trial.process(node)?.ended;
      left--;
      if (end !== undefined && !isStopping()) say(goneText(node, formatEnd(end), left));
    }),
  );
}
