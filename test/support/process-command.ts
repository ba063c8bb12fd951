/** A command run to its end: status, what it said, and a bound on how long it may take. */
import { spawn } from 'node:child_process';
import { repositoryRoot } from '../../bench/peers/child.ts';
import { systemClock } from '../../runtime/base/clock.ts';

export interface CliResult {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const commandMsMax = 60_000;
/** After SIGTERM. */
const farewellMsMax = 5_000;

/** Runs in the repository's root, so that `runtime/main.ts` is found. */
export function runCommand(
  program: string,
  words: readonly string[],
  input = '',
  options: { readonly environment?: Readonly<Record<string, string>>; readonly timeoutMs?: number } = {},
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { cwd: repositoryRoot, env: { ...process.env, ...options.environment } });
    // SIGTERM first: a drill takes its node along.
    let cancel = systemClock.after(options.timeoutMs ?? commandMsMax, () => {
      child.kill('SIGTERM');
      cancel = systemClock.after(farewellMsMax, () => child.kill('SIGKILL'));
    });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) => {
      cancel();
      reject(error);
    });
    child.once('close', (status) => {
      cancel();
      resolve({ status, stdout: Buffer.concat(stdout), stderr });
    });
    // A command that ends without reading its input must not end us by EPIPE.
    child.stdin.once('error', () => undefined);
    child.stdin.end(input);
  });
}

/** @throws {Error} with all that it said when the status is not 0 */
export function expectDone(result: CliResult, what: string): Buffer {
  if (result.status === 0) return result.stdout;
  throw new Error(`${what}: exit status ${result.status}\n${result.stderr}${result.stdout.toString('utf8')}`);
}
