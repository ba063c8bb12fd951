/**
 * A cluster of three on this machine, made and started by the very commands that an operator types.
 *
 *     init n1 · start n1 · token create, join, start n2 · token create, join, start n3 · wait for three copies · an account
 *
 * Promises: what is there is not made again; a step that fails says which and with what; nothing is left running.
 * Leaves to others: where they listen (`layout.ts`), what is printed (`instructions.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { shardOf } from '../../runtime/actor/shard.ts';
import { holdsNode } from '../../runtime/store/data-directory.ts';
import { meshAddressOf, setsOf, type TrialNode } from './layout.ts';
import { formatEnd, NodeProcess, run } from './programs.ts';

/** RFC 6761 §6.3: nobody else's mail is ever at this address. */
export const trialAddress = 'you@localhost.localdomain';

const lookEveryMs = 500;
/** Nodes of a trial have no more time than this to let their sessions end. */
const stopMsMax = 10_000;
/** A node that has not answered by then is asked no more. */
const answerMsMax = 60_000;

export interface TrialIo {
  readonly clock: Clock;
  say(text: string): void;
  /** A line that the next one of its kind replaces. */
  progress(text: string): void;
}

/** A step could not be done. */
export class TrialError extends Error {}

/** Of `cluster status --json`. */
export interface TrialStatus {
  readonly shards: { readonly total: number; readonly served: number; readonly atGoal: number };
  readonly goal: number | null;
  readonly nodes: readonly { readonly id: string; readonly alive: boolean; readonly leads: number }[];
  readonly problems: readonly { readonly text: string; readonly cure: string }[];
}

export interface TrialFacts {
  readonly status: TrialStatus;
  /** Null: it was made before, and nobody can read it back. */
  readonly password: string | null;
  /** Who leads the mailbox of `trialAddress`; null: nobody at this moment. */
  readonly leader: string | null;
}

export class Trial {
  readonly nodes: readonly TrialNode[];
  readonly #io: TrialIo;
  readonly #processes = new Map<string, NodeProcess>();
  #isStopped = false;

  constructor(nodes: readonly TrialNode[], io: TrialIo) {
    this.nodes = nodes;
    this.#io = io;
  }

  process(node: TrialNode): NodeProcess | undefined {
    return this.#processes.get(node.id);
  }

  /** @throws {TrialError} */
  async start(): Promise<TrialFacts> {
    const [first, ...others] = this.nodes as readonly [TrialNode, ...TrialNode[]];
    if (!holdsNode(first.dataDirectory)) {
      this.#io.say(`Making ${first.id}, the first node of a new cluster`);
      await this.#must(['init', ...ofNode(first), '--node', first.id, ...setsOf(first)]);
    }
    // All that are there first: a cluster of three serves when two of them run.
    for (const node of this.nodes) if (holdsNode(node.dataDirectory)) this.#startNode(node);
    for (const node of others) {
      if (holdsNode(node.dataDirectory)) continue;
      await this.#status(first);
      await this.#join(node, first);
      this.#startNode(node);
    }
    const status = await this.#allCopies(first);
    const { password, mailboxId } = await this.#account(first);
    return { status, password, leader: await this.#leaderOf(first, mailboxId) };
  }

  /** A start that is under way ends with a `TrialError`, and starts nothing more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#processes.values()].map((each) => each.stop(this.#io.clock, stopMsMax)));
  }

  #startNode(node: TrialNode): void {
    this.#requireRunning();
    this.#processes.set(node.id, new NodeProcess(['start', ...ofNode(node)], node.logPath));
  }

  async #join(node: TrialNode, member: TrialNode): Promise<void> {
    this.#io.say(`${node.id} joins`);
    const token = await this.#must(['token', 'create', ...ofNode(member)]);
    const words = ['join', meshAddressOf(member), '--token', '-', ...ofNode(node), '--node', node.id, ...setsOf(node)];
    await this.#must(words, token);
  }

  /** What it prints. @throws {TrialError} */
  async #must(words: readonly string[], input = ''): Promise<string> {
    const said = await run(words, this.#io.clock, input);
    if (said.status === 0) return said.text;
    throw new TrialError(`ringpost ${words.slice(0, 2).join(' ')}: ${said.err.trim() || `status ${said.status}`}`);
  }

  /** As soon as the node answers. @throws {TrialError} */
  async #status(node: TrialNode): Promise<TrialStatus> {
    const { clock } = this.#io;
    const endMs = clock.monotonicMs() + answerMsMax;
    for (;;) {
      this.#requireRunning();
      const said = await run(['cluster', 'status', '--json', ...ofNode(node)], clock);
      if (said.status === 0) return JSON.parse(said.text) as TrialStatus;
      if (clock.monotonicMs() > endMs) throw new TrialError(`${node.id} does not answer: ${said.err.trim()}`);
      await this.#pause();
    }
  }

  async #allCopies(node: TrialNode): Promise<TrialStatus> {
    for (;;) {
      const status = await this.#status(node);
      this.#io.progress(progressOf(status, this.nodes.length));
      if (isWhole(status, this.nodes.length)) return status;
      await this.#pause();
    }
  }

  /** The domain and the account are made where they are not there yet. */
  async #account(node: TrialNode): Promise<{ readonly password: string | null; readonly mailboxId: string }> {
    const [, domain = ''] = trialAddress.split('@');
    await this.#must(['domain', 'add', domain, '--json', ...ofNode(node)]);
    const made = await run(['account', 'add', trialAddress, '--json', ...ofNode(node)], this.#io.clock);
    if (made.status === 0) {
      const { generatedPassword, mailboxId } = JSON.parse(made.text) as {
        generatedPassword: string;
        mailboxId: string;
      };
      return { password: generatedPassword, mailboxId };
    }
    if (!made.err.includes('accountExists')) throw new TrialError(`ringpost account add: ${made.err.trim()}`);
    const listed = await this.#must(['account', 'list', '--domain', domain, '--json', ...ofNode(node)]);
    const accounts = JSON.parse(listed) as readonly { readonly address: string; readonly mailboxId: string }[];
    return { password: null, mailboxId: accounts.find(({ address }) => address === trialAddress)?.mailboxId ?? '' };
  }

  async #leaderOf(node: TrialNode, mailboxId: string): Promise<string | null> {
    const text = await this.#must(['cluster', 'leaders', '--json', ...ofNode(node)]);
    const leaders = JSON.parse(text) as readonly { readonly shard: number; readonly leader: string | null }[];
    // The last one is the metadata's, which is no mailbox's.
    const shard = shardOf('mailbox', mailboxId, leaders.length - 1);
    return leaders.find((each) => each.shard === shard)?.leader ?? null;
  }

  /** @throws {TrialError} with the last words of one that ended */
  #requireRunning(): void {
    if (this.#isStopped) throw new TrialError('the trial was stopped');
    for (const node of this.nodes) {
      const child = this.process(node);
      if (child?.end == null) continue;
      throw new TrialError(`${node.id} ${formatEnd(child.end)}. The end of ${node.logPath}:\n${child.lastWords}`);
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => void this.#io.clock.after(lookEveryMs, resolve));
  }
}

const ofNode = ({ dataDirectory }: TrialNode): readonly string[] => ['--data', dataDirectory];

/** All nodes are there and live, and each shard is led and has its copies. */
export function isWhole({ nodes, shards, goal }: TrialStatus, count: number): boolean {
  const alive = nodes.filter((node) => node.alive).length;
  return alive === count && goal === count && shards.atGoal === shards.total && shards.served === shards.total;
}

export function progressOf({ nodes, shards, goal }: TrialStatus, count: number): string {
  const alive = nodes.filter((node) => node.alive).length;
  const there = goal === count ? shards.atGoal : 0;
  return `${alive} of ${count} nodes alive · ${shards.served} of ${shards.total} shards led · ${there} of ${shards.total} with ${count} copies`;
}
