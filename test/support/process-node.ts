/**
 * A real node as a child process: the program itself, a data directory, free ports, and the command line beside it.
 *
 * Promises: a node's end is known with its status and its last words; nothing is left behind when the test process ends.
 * Leaves to others: temp directories (`process-place.ts`), what is sent to it (`smtp-client.ts`).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { until } from '../../bench/measure/wait.ts';
import { freePort, nodeProgram, repositoryRoot } from '../../bench/peers/child.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { type CliResult, runCommand } from './process-command.ts';

/** The aim is 0.5 s; tests run beside others on few cores, and under strace. */
const readyMsMax = 30_000;

export interface NodeSpec {
  /** The data directory; its log goes beside it. */
  readonly dataDir: string;
  readonly sets?: readonly string[];
  /** Words after `main.ts`, before the options: `['start']` or `['quickstart', 'you@example.org']`. */
  readonly words?: readonly string[];
  /** Another copy of the program; for drills of a program broken on purpose. */
  readonly program?: string;
  /** Put before the program, e.g. strace and its options. It must end up being the node itself (`strace -D`). */
  readonly wrapper?: readonly string[];
  readonly nodeOptions?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Left out: free ones. A node that is started again keeps its ports by handing them in. */
  readonly smtpPort?: number;
  readonly httpPort?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export const programPath: string = join(repositoryRoot, 'runtime/main.ts');

export class RingpostNode {
  readonly spec: NodeSpec;
  readonly smtpPort: number;
  readonly httpPort: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #logPath: string;
  #exit: Exit | undefined;
  #readyMs = Number.NaN;

  private constructor(spec: NodeSpec, smtpPort: number, httpPort: number) {
    this.spec = spec;
    this.smtpPort = smtpPort;
    this.httpPort = httpPort;
    this.#logPath = `${spec.dataDir}.log`;
    const words = [
      ...(spec.wrapper ?? []),
      nodeProgram(),
      ...(spec.nodeOptions ?? []),
      spec.program ?? programPath,
      ...(spec.words ?? ['start']),
      ...['--data', spec.dataDir],
      ...['--set', `smtp.listen=127.0.0.1:${smtpPort}`],
      ...['--set', `http.listen=127.0.0.1:${httpPort}`],
      ...(spec.sets ?? []).flatMap((set) => ['--set', set]),
    ];
    const log = openSync(this.#logPath, 'a');
    this.#child = spawn(words[0] as string, words.slice(1), {
      cwd: repositoryRoot,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...spec.environment },
    });
    closeSync(log);
    this.pid = this.#child.pid ?? 0;
    alive.add(this.#child);
    this.#child.once('error', () => this.#end({ code: null, signal: null }));
    this.#child.once('exit', (code, signal) => this.#end({ code, signal }));
  }

  /** Starts the process; does not wait until it serves. */
  static async spawn(spec: NodeSpec): Promise<RingpostNode> {
    return new RingpostNode(spec, spec.smtpPort ?? (await freePort()), spec.httpPort ?? (await freePort()));
  }

  /** @throws {Error} with the last words of the process when it does not come to serve */
  static async start(spec: NodeSpec): Promise<RingpostNode> {
    const node = await RingpostNode.spawn(spec);
    await node.ready();
    return node;
  }

  /** A new data directory with one account, and the node that serves it: ready is when the account is there. */
  static quickstart(address: string, spec: NodeSpec): Promise<RingpostNode> {
    return RingpostNode.start({ ...spec, words: ['quickstart', address] });
  }

  /** The same data directory and ports again, by `start`. */
  restart(changes: Partial<NodeSpec> = {}): Promise<RingpostNode> {
    const { smtpPort, httpPort } = this;
    return RingpostNode.start({ ...this.spec, words: ['start'], smtpPort, httpPort, ...changes });
  }

  /** How it ended; undefined while it lives. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Milliseconds from the start to the first 200 of `/readyz`. */
  get readyMs(): number {
    return this.#readyMs;
  }

  /** All that this data directory's nodes said. */
  get log(): string {
    return readFileSync(this.#logPath, 'utf8');
  }

  get lastWords(): string {
    return this.log.trimEnd().split('\n').slice(-12).join('\n');
  }

  async ready(timeoutMs = readyMsMax): Promise<void> {
    const startMs = systemClock.monotonicMs();
    const isServing = (): Promise<boolean> => {
      if (this.#exit === undefined) return answersReady(this.httpPort);
      throw new Error(`the node does not start: ${formatExit(this.#exit)}\n${this.lastWords}`);
    };
    try {
      await until('the node serves', isServing, timeoutMs);
    } catch (error) {
      this.signal('SIGKILL');
      throw new Error(`${(error as Error).message}\n${this.lastWords}`, { cause: error });
    }
    this.#readyMs = systemClock.monotonicMs() - startMs;
  }

  signal(name: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(name);
  }

  async ended(timeoutMs = 10_000): Promise<Exit> {
    await until(`process ${this.pid} ends\n${this.lastWords}`, () => this.#exit !== undefined, timeoutMs);
    return this.#exit as Exit;
  }

  /** kill -9. */
  kill(): Promise<Exit> {
    this.signal('SIGKILL');
    return this.ended();
  }

  /** SIGTERM. */
  async stop(timeoutMs = 25_000): Promise<Exit> {
    this.signal('SIGTERM');
    try {
      return await this.ended(timeoutMs);
    } finally {
      this.signal('SIGKILL');
    }
  }

  /** `ringpost <words> --data …` as an operator types it while the node runs. */
  cli(words: readonly string[], input = ''): Promise<CliResult> {
    return runCommand(nodeProgram(), [this.spec.program ?? programPath, ...words, '--data', this.spec.dataDir], input);
  }

  #end(exit: Exit): void {
    this.#exit ??= exit;
    alive.delete(this.#child);
  }
}

export function formatExit({ code, signal }: Exit): string {
  return signal === null ? `exit status ${code}` : `ended by ${signal}`;
}

/** One try of `/readyz`. */
function answersReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/readyz', timeout: 1000, agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}
