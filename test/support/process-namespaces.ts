/**
 * Network namespaces for the nodes of a test, with a router between them that can stop hearing for one of them: packets to
 * a cut-off namespace are dropped without a word, packets from it pass.
 *
 *     ns 1: 10.77.1.2 ──┐
 *     ns 2: 10.77.2.2 ──┼── router (a namespace, too)
 *     ns 3: 10.77.3.2 ──┘
 *
 * Leaves to others: whether this process may make them (`requiresNamespaces`).
 */
import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { atEnd } from './process-place.ts';
import type { SkipOption } from './tools.ts';

const rulePriority = '10';

const ip = (...words: string[]): void => void execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });

export class Namespaces {
  readonly #prefix: string;

  constructor(t: TestContext, count: number) {
    this.#prefix = `rp${process.pid}`;
    const router = this.#name(0);
    ip('netns', 'add', router);
    atEnd(t, () => ip('netns', 'del', router));
    ip('-n', router, 'link', 'set', 'lo', 'up');
    for (let number = 1; number <= count; number++) this.#add(t, number);
    execFileSync('ip', ['netns', 'exec', router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  }

  address(number: number): string {
    return `10.77.${number}.2`;
  }

  /** To be put before a command that is to run there. */
  wrapper(number: number): string[] {
    return ['ip', 'netns', 'exec', this.#name(number)];
  }

  /** What is sent to it does not arrive; what it sends does. */
  deafen(number: number): void {
    ip('-n', this.#name(0), 'rule', 'add', 'to', this.address(number), 'priority', rulePriority, 'blackhole');
  }

  heal(): void {
    ip('-n', this.#name(0), 'rule', 'del', 'priority', rulePriority);
  }

  #name(number: number): string {
    return `${this.#prefix}-${number}`;
  }

  #add(t: TestContext, number: number): void {
    const [router, own, link] = [this.#name(0), this.#name(number), `${this.#prefix}v${number}`];
    ip('netns', 'add', own);
    atEnd(t, () => ip('netns', 'del', own));
    ip('link', 'add', link, 'netns', router, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', own);
    ip('-n', router, 'addr', 'add', `10.77.${number}.1/24`, 'dev', link);
    ip('-n', router, 'link', 'set', link, 'up');
    ip('-n', own, 'link', 'set', 'lo', 'up');
    ip('-n', own, 'addr', 'add', `${this.address(number)}/24`, 'dev', 'eth0');
    ip('-n', own, 'link', 'set', 'eth0', 'up');
    ip('-n', own, 'route', 'add', 'default', 'via', `10.77.${number}.1`);
  }
}

/** For a test's options: skipped by name where this process may not make namespaces, but never in CI. */
export function requiresNamespaces(): SkipOption {
  const name = `rp${process.pid}-try`;
  try {
    ip('netns', 'add', name);
    ip('netns', 'del', name);
    return {};
  } catch {
    const skip = 'needs the right to make network namespaces: run as root';
    if (process.env['CI'] === 'true') throw new Error(`CI skips nothing, but this ${skip}`);
    return { skip };
  }
}
