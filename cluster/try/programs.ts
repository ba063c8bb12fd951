/**
 * `ringpost` as other processes: commands that end, and nodes that run.
 *
 * Promises: a node's end is told with its status; what it wrote last can be read; none outlives this process.
 * Leaves to others: which commands, in which order (`trial.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../runtime/base/clock.ts';

const program = fileURLToPath(new URL('../../bin/ringpost.mjs', import.meta.url));
/** Of one command; a node that hangs is no reason to wait for ever. */
const commandMsMax = 120_000;
const lastLines = 8;

export interface Said {
  /** Null: a signal ended it. */
  readonly status: number | null;
  readonly text: string;
  readonly err: string;
}

/** Runs a command to its end. */
export function run(words: readonly string[], clock: Clock, input = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...words]);
    const cancel = clock.after(commandMsMax, () => void child.kill('SIGKILL'));
    let text = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      err += part;
    });
    child.once('error', (error) => {
      cancel();
      reject(error);
    });
    child.once('close', (status) => {
      cancel();
      resolve({ status, text, err });
    });
    // A command that ends without reading what it is given must not end us.
    child.stdin.once('error', () => undefined);
    child.stdin.end(input);
  });
}

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class NodeProcess {
  readonly pid: number;
  /** Settles when it has ended, however. */
  readonly ended: Promise<End>;
  readonly #logPath: string;
  readonly #child: ChildProcess;
  #end: End | null = null;

  /** What it writes is added to the log. In a process group of its own: a terminal's Ctrl-C reaches us alone. */
  constructor(words: readonly string[], logPath: string) {
    this.#logPath = logPath;
    mkdirSync(dirname(logPath), { recursive: true });
    const log = openSync(logPath, 'a');
    this.#child = spawn(process.execPath, [program, ...words], { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.pid = this.#child.pid ?? 0;
    running.add(this.#child);
    this.ended = new Promise((resolve) => {
      const end = (how: End): void => {
        this.#end ??= how;
        running.delete(this.#child);
        resolve(this.#end);
      };
      this.#child.once('error', () => end({ code: null, signal: null }));
      this.#child.once('exit', (code, signal) => end({ code, signal }));
    });
  }

  /** Null: it runs. */
  get end(): End | null {
    return this.#end;
  }

  /** SIGTERM, and after `graceMs` SIGKILL. */
  async stop(clock: Clock, graceMs: number): Promise<End> {
    if (this.#end === null) this.#child.kill('SIGTERM');
    const cancel = clock.after(graceMs, () => void this.#child.kill('SIGKILL'));
    const end = await this.ended;
    cancel();
    return end;
  }

  get lastWords(): string {
    return readFileSync(this.#logPath, 'utf8').trimEnd().split('\n').slice(-lastLines).join('\n');
  }
}

export function formatEnd({ code, signal }: End): string {
  if (signal !== null) return `was ended by ${signal}`;
  return code === null ? 'could not be started' : `ended with status ${code}`;
}
