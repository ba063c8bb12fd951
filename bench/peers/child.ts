/**
 * A server as a child process: started, waited for, stopped, and never left behind.
 *
 * Its output goes to a file, so that a chatty one is not slowed by us, and its end is told with the last lines of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { processTreeCost, totalCost } from '../measure/processes.ts';
import { pause, until } from '../measure/wait.ts';

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The Node that Ringpost runs on: this one when it is new enough, else the bundled one. */
export function nodeProgram(): string {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 24 ? process.execPath : `${repositoryRoot}node_modules/.bin/node`;
}

const started = new Set<Child>();
/** A bench that breaks or is interrupted takes its servers with it. */
process.once('exit', () => {
  for (const child of started) child.killNow();
});

export class Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #logPath: string;
  #ended: string | undefined;

  constructor(program: string, args: readonly string[], logPath: string) {
    const log = openSync(logPath, 'a');
    this.#process = spawn(program, args, { cwd: repositoryRoot, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#logPath = logPath;
    this.pid = this.#process.pid ?? 0;
    started.add(this);
    this.#process.once('error', (error) => this.#end(error.message));
    this.#process.once('exit', (code, signal) => this.#end(`exit code ${code ?? signal}`));
  }

  /** How it ended; undefined while it lives. */
  get ended(): string | undefined {
    return this.#ended;
  }

  get lastLines(): string {
    return readFileSync(this.#logPath, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  }

  /** @throws {Error} with the last lines of its output when it ends, or the time is over, before `isReady` */
  async ready(what: string, isReady: () => boolean | Promise<boolean>, timeoutMs: number): Promise<number> {
    return until(
      `${what}\n${this.lastLines}`,
      () => {
        if (this.#ended !== undefined) throw new Error(`${what}: ${this.#ended}\n${this.lastLines}`);
        return isReady();
      },
      timeoutMs,
    );
  }

  /** SIGTERM, and SIGKILL after `timeoutMs`, which is an error. */
  async stop(timeoutMs = 30_000): Promise<void> {
    this.#process.kill('SIGTERM');
    try {
      await until(`process ${this.pid} ends after SIGTERM`, () => this.#ended !== undefined, timeoutMs);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  async kill(): Promise<void> {
    this.killNow();
    await until(`process ${this.pid} ends after SIGKILL`, () => this.#ended !== undefined, 10_000);
  }

  killNow(): void {
    if (this.#ended === undefined) this.#process.kill('SIGKILL');
  }

  #end(how: string): void {
    this.#ended ??= how;
    started.delete(this);
  }
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(address)));
    });
  });
}

/** Below this share of one core a server counts as idle. */
const idleShareMax = 0.05;
const idleLookMs = 400;

/**
 * Waits, for at most `timeoutMs`, until the process trees use next to no CPU: on the average `shareMax` of a core each.
 * @returns how long they worked on
 */
export async function settleByCpu(
  rootPids: readonly number[],
  { timeoutMs = 15_000, shareMax = idleShareMax } = {},
): Promise<number> {
  const cpuMs = (): number => totalCost(rootPids.map(processTreeCost)).cpuMs;
  const quietMs = idleLookMs * shareMax * rootPids.length;
  let before = cpuMs();
  for (let tookMs = 0; ; tookMs += idleLookMs) {
    await pause(idleLookMs);
    const now = cpuMs();
    if (now - before <= quietMs || tookMs >= timeoutMs) return tookMs;
    before = now;
  }
}
