/** Starting nodes as processes of their own, and asking them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nodeId } from '../../runtime/base/ids.ts';
import { nodeProgram } from '../peers/child.ts';
import type { NodeCounts } from './bench-node.ts';
import type { NodeProcessOptions } from './main.ts';

const entry = fileURLToPath(new URL('./main.ts', import.meta.url));

export interface RunningNode {
  readonly name: string;
  readonly pid: number;
  counts(): Promise<NodeCounts>;
  /** Each group to the node that should lead it. */
  spread(): Promise<void>;
  /** With SIGKILL. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * `count` nodes with all groups on each of them, each in a folder of `directory`; they know each other and have begun.
 * @throws {Error} when one does not come up
 */
export async function startNodes(count: number, groups: number, directory: string): Promise<readonly RunningNode[]> {
  const members = Array.from({ length: count }, (_, at) => nodeId(`n${at + 1}`));
  const nodes = members.map((self) => {
    const dataPath = join(directory, self);
    mkdirSync(dataPath);
    return new NodeProcess({ self, members, dataPath, meshPath: directory, groups });
  });
  try {
    for (const node of nodes) await node.next();
    for (const node of nodes) await node.ask('start');
  } catch (error) {
    for (const node of nodes) await node.stop();
    throw error;
  }
  return nodes;
}

class NodeProcess implements RunningNode {
  readonly name: string;
  readonly pid: number;
  readonly #child;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  readonly #killNow = (): void => void this.#child.kill('SIGKILL');

  constructor(options: NodeProcessOptions) {
    this.name = options.self;
    this.#child = spawn(nodeProgram(), [entry, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.pid = this.#child.pid ?? 0;
    this.#ended = once(this.#child, 'close');
    process.once('exit', this.#killNow);
    // When it is gone its input is too; `next` says so.
    this.#child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`node ${this.name} ended early`);
    return JSON.parse(value);
  }

  async ask(word: string): Promise<NodeCounts> {
    this.#child.stdin.write(`${word}\n`);
    return (await this.next()) as NodeCounts;
  }

  counts(): Promise<NodeCounts> {
    return this.ask('counts');
  }

  async spread(): Promise<void> {
    await this.ask('spread');
  }

  async kill(): Promise<void> {
    this.#killNow();
    await this.#gone();
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#gone();
  }

  async #gone(): Promise<void> {
    await this.#ended;
    process.removeListener('exit', this.#killNow);
  }
}
