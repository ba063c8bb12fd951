/** A disk that becomes slow under a node that runs: strace is attached to it for a while. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '../../../runtime/base/clock.ts';
import { findTool } from '../../support/tools.ts';

const farewellMsMax = 5000;
const attached = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of attached) child.kill('SIGKILL');
});

export function canStallDisks(): boolean {
  return findTool('strace') !== null;
}

/**
 * Every fdatasync of the process begins `delayMs` late from now on.
 * @returns what ends it; it settles when the process runs by itself again, and throws when strace did not hold so long
 */
export function stallDisk(pid: number, delayMs: number): () => Promise<void> {
  const inject = `inject=fdatasync:delay_enter=${delayMs * 1000}`;
  const words = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', inject, '-p', String(pid)];
  const child = spawn(findTool('strace') ?? 'strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
  attached.add(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'exit').finally(() => attached.delete(child));
  // Whoever ends it is told; until then nobody waits.
  ended.catch(() => undefined);
  return async () => {
    if (child.exitCode !== null) throw new Error(`strace ended by itself: ${said.trim()}`);
    child.kill('SIGINT');
    const cancel = systemClock.after(farewellMsMax, () => child.kill('SIGKILL'));
    await ended;
    cancel();
  };
}
