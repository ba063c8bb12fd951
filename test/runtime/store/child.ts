/** Another process running a TypeScript file, and what it says line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class Child {
  readonly process: ChildProcess;
  readonly lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  /** @param before a program that runs Node, e.g. strace with its options */
  constructor(file: string, args: readonly string[], before: readonly string[] = []) {
    const [command, ...rest] = [...before, process.execPath, new URL(file, import.meta.url).pathname, ...args];
    this.process = spawn(command as string, rest, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
    this.#exited = once(this.process, 'exit');
  }

  /** The next line, or undefined when the process has ended. */
  async line(): Promise<string | undefined> {
    const next = await this.lines.next();
    return next.done === true ? undefined : next.value;
  }

  /** Ends it as a power switch would, and settles when it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exited;
  }

  async exited(): Promise<void> {
    await this.#exited;
  }
}
