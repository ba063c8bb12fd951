/** Starting our sink in its own process, and asking it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeProgram } from '../peers/child.ts';
import type { SinkCounts } from './counts.ts';
import type { SinkProcessOptions } from './main.ts';
import type { RunningSink } from './running-sink.ts';

const entry = fileURLToPath(new URL('./main.ts', import.meta.url));

/** @throws {Error} when it does not come to listen */
export async function spawnSink(options: SinkProcessOptions = {}): Promise<RunningSink> {
  const child = spawn(nodeProgram(), [entry, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const killNow = (): void => void child.kill('SIGKILL');
  process.once('exit', killNow);
  // When it is gone its input is too; `next` below says so.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the sink ended early');
    return JSON.parse(value) as T;
  };
  const ask = (word: string): Promise<SinkCounts> => {
    child.stdin.write(`${word}\n`);
    return next<SinkCounts>();
  };
  const { port } = await next<{ port: number }>();
  return {
    name: 'sink',
    port,
    pid: child.pid ?? 0,
    counts: () => ask('counts'),
    async reset() {
      await ask('reset');
    },
    async stop() {
      child.stdin.end();
      await ended;
      process.removeListener('exit', killNow);
    },
  };
}
