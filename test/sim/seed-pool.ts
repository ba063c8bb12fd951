/** Several processes that share the seeds. One that dies is a finding about its seed, and another takes its place. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { SeedResult } from './run-seed.ts';
import type { SeedOrder } from './seed-worker.ts';

interface Waiting {
  readonly order: SeedOrder;
  readonly done: (result: SeedResult) => void;
}

const worker = join(import.meta.dirname, 'seed-worker.ts');
const planter = join(import.meta.dirname, 'mutants', 'plant.ts');
/** Of real time: a seed that takes so long hangs. */
const seedMsMax = 120_000;

export class SeedPool {
  readonly #mutant: string | null;
  readonly #waiting: Waiting[] = [];
  readonly #idle: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();
  #failed: (error: Error) => void = () => undefined;
  /** Rejects when a process cannot begin at all. */
  readonly failed = new Promise<never>((_, reject) => {
    this.#failed = reject;
  });

  constructor(workers: number, mutant: string | null) {
    this.#mutant = mutant;
    for (let i = 0; i < workers; i++) this.#begin();
  }

  run(order: SeedOrder): Promise<SeedResult> {
    return new Promise((done) => {
      this.#waiting.push({ order, done });
      this.#next();
    });
  }

  close(): void {
    this.#waiting.length = 0;
    for (const child of this.#all) {
      child.removeAllListeners();
      child.kill('SIGKILL');
    }
  }

  #begin(): void {
    const child = fork(worker, {
      execArgv: this.#mutant === null ? [] : ['--import', planter],
      env: { ...process.env, ...(this.#mutant === null ? {} : { SIM_MUTANT: this.#mutant }) },
    });
    this.#all.add(child);
    child.once('exit', () => this.#failed(new Error('a process that runs seeds could not begin')));
    // It says that it is there, with all mutants planted.
    child.once('message', () => {
      child.removeAllListeners('exit');
      this.#idle.push(child);
      this.#next();
    });
  }

  #next(): void {
    if (this.#idle.length === 0 || this.#waiting.length === 0) return;
    const child = this.#idle.shift()!;
    const { order, done } = this.#waiting.shift()!;
    const end = (result: SeedResult, isAlive: boolean): void => {
      clearTimeout(timer);
      child.removeAllListeners('message');
      child.removeAllListeners('exit');
      if (isAlive) this.#idle.push(child);
      else {
        this.#all.delete(child);
        this.#begin();
      }
      done(result);
      this.#next();
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, seedMsMax);
    child.once('message', (result) => end(result as SeedResult, true));
    child.once('exit', () => {
      const broken = 'its process died or hung; run it alone to see why';
      end({ seed: order.seed, hash: '', broken, story: [], faultKinds: [], counts: {} }, false);
    });
    child.send(order);
  }
}
