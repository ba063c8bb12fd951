/**
 * One node of a cluster of processes, through all its lives: its directory and ports stay, its process does not.
 *
 * Leaves to others: how the nodes find each other, and the network between them (`process-cluster.ts`).
 */
import { nodeProgram } from '../../bench/peers/child.ts';
import { type CliResult, expectDone, runCommand } from './process-command.ts';
import { type Exit, type NodeSpec, programPath, RingpostNode } from './process-node.ts';

/** Several nodes start on few cores, while others are under load. */
const readyMsMax = 90_000;

export interface ClusterNodeFacts {
  readonly id: string;
  readonly dir: string;
  readonly smtpPort: number;
  readonly submissionPort: number;
  readonly httpPort: number;
  readonly meshPort: number;
  /** All node keys but SMTP and HTTP, as `key=value`. */
  readonly sets: readonly string[];
  readonly spec: Pick<NodeSpec, 'program' | 'wrapper' | 'nodeOptions' | 'environment'>;
  /** Told just before the process is ended, and when the next one was started. */
  readonly ends: () => void;
  readonly begins: () => void;
}

export class ClusterNode {
  readonly #o: ClusterNodeFacts;
  #life: RingpostNode | undefined;
  #isStopped = false;

  constructor(facts: ClusterNodeFacts) {
    this.#o = facts;
  }

  get id(): string {
    return this.#o.id;
  }

  get dir(): string {
    return this.#o.dir;
  }

  get smtpPort(): number {
    return this.#o.smtpPort;
  }

  get submissionPort(): number {
    return this.#o.submissionPort;
  }

  get httpPort(): number {
    return this.#o.httpPort;
  }

  get meshPort(): number {
    return this.#o.meshPort;
  }

  /** The process that runs, or ran last. @throws {Error} before the first start */
  get life(): RingpostNode {
    if (this.#life === undefined) throw new Error(`${this.id} was not started yet`);
    return this.#life;
  }

  get isRunning(): boolean {
    return this.#life !== undefined && this.#life.exit === undefined && !this.#isStopped;
  }

  /** The words of `init` or `join`, after which `start` is possible. */
  async make(words: readonly string[]): Promise<void> {
    const { id, dir, smtpPort, httpPort, sets } = this.#o;
    const all = [...sets, `smtp.listen=127.0.0.1:${smtpPort}`, `http.listen=127.0.0.1:${httpPort}`];
    const line = [...words, '--data', dir, '--node', id, ...all.flatMap((set) => ['--set', set])];
    const program = this.#o.spec.program ?? programPath;
    expectDone(await runCommand(nodeProgram(), [program, ...line]), line.join(' '));
  }

  async start(): Promise<void> {
    const { dir: dataDir, sets, smtpPort, httpPort, spec } = this.#o;
    this.#isStopped = false;
    this.#life = await RingpostNode.spawn({ ...spec, dataDir, sets, smtpPort, httpPort, words: ['start'] });
    this.#o.begins();
    await this.#life.ready(readyMsMax);
  }

  /** kill -9. The ports of the network before it are shut in the same turn. */
  kill(): Promise<Exit> {
    this.#o.ends();
    this.#isStopped = false;
    return this.life.kill();
  }

  /** SIGSTOP: the process stands still, its sockets stay. */
  stop(): void {
    this.#isStopped = true;
    this.life.signal('SIGSTOP');
  }

  /** SIGCONT. */
  cont(): void {
    this.life.signal('SIGCONT');
    this.#isStopped = false;
  }

  /** SIGTERM, and when it has ended, the next life. */
  async restart(): Promise<Exit> {
    const exit = await this.terminate();
    await this.start();
    return exit;
  }

  /** SIGTERM: it ends in its own time. */
  async terminate(): Promise<Exit> {
    const exit = await this.life.stop();
    this.#o.ends();
    return exit;
  }

  cli(words: readonly string[], input = ''): Promise<CliResult> {
    return this.life.cli(words, input);
  }

  /** @throws {Error} with all that it said when it fails */
  async ask<T>(words: readonly string[]): Promise<T> {
    const text = expectDone(await this.cli([...words, '--json']), `${this.id}: ${words.join(' ')}`).toString('utf8');
    return JSON.parse(text) as T;
  }

  /** Undoes everything that could keep it from ending. */
  async end(): Promise<void> {
    if (this.#life === undefined || this.#life.exit !== undefined) return;
    await this.kill();
  }
}
