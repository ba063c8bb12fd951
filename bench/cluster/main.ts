/**
 * The process of one node: options in as one JSON argument, `{"self":…}` out as one line when peers can connect. Then a
 * word a line: `start` (all are there), `spread` (leaders to where they should be), `counts`; each is answered with one line
 * of counts. It ends with its input.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../runtime/base/clock.ts';
import { systemRandom } from '../../runtime/base/random.ts';
import { type BenchNodeOptions, openBenchNode } from './bench-node.ts';

export type NodeProcessOptions = Omit<BenchNodeOptions, 'clock' | 'random' | 'fatal'>;

function fatal(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}

const options = JSON.parse(process.argv[2] ?? '{}') as NodeProcessOptions;
const node = await openBenchNode({ ...options, clock: systemClock, random: systemRandom, fatal });
const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
say({ self: options.self });
const input = createInterface({ input: process.stdin });
input.on('line', (word) => {
  if (word === 'start') node.start();
  if (word === 'spread') node.spread();
  say(node.counts());
});
// What it has on disk is worth nothing to anybody.
input.once('close', () => process.exit(0));
