/**
 * Postfix's queue as a scenario sees it, held in one of two ways.
 *
 * `defer`: as its manual has it, by `defer_transports`, and let go by a flush. The queue manager looks at each mail and puts it
 * into `deferred`, with a file that says why.
 * `stop`: without the queue manager. Mail lies in `incoming`, complete and synced, and has cost Postfix nothing else: less
 * than any way that an operator has.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processTree } from '../measure/processes.ts';
import { until } from '../measure/wait.ts';
import { masterCf } from './postfix-config.ts';
import type { Outbound, OutboundOptions } from './outbound.ts';

const changeMsMax = 20_000;

/** Lines of `main.cf`. */
export function outboundConfig(root: string, options: OutboundOptions): string[] {
  return [
    `transport_maps = texthash:${root}/etc/transport`,
    // Otherwise smtpd waits up to 1 s a mail while nothing leaves, which is what a held queue is.
    'in_flow_delay = 0',
    ...(options.relay === undefined ? [] : [`relayhost = ${nextHop(options.relay)}`]),
  ];
}

export function transportMap(routes: ReadonlyMap<string, string>): string {
  return [...routes].map(([domain, route]) => `${domain} smtp:${nextHop(route)}\n`).join('');
}

export type PostfixHold = 'defer' | 'stop';

export function postfixOutbound(
  root: string,
  port: number,
  masterPid: number,
  { postfixHold = 'defer' }: OutboundOptions,
): Outbound {
  const etc = ['-c', join(root, 'etc')];
  const run = (program: string, words: readonly string[]): void => {
    execFileSync(`/usr/sbin/${program}`, [...etc, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const change = async (isHeld: boolean): Promise<void> => {
    if (postfixHold === 'defer') run('postconf', ['-e', `defer_transports = ${isHeld ? 'smtp' : ''}`]);
    else writeFileSync(join(root, 'etc/master.cf'), masterCf(port, { isHeld }));
    const before = managerOf(masterPid);
    run('postfix', ['reload']);
    // One that has not read the change yet would still do as before.
    const isGone = (): boolean => before === undefined || managerOf(masterPid) !== before;
    await until('the queue manager of Postfix ends', isGone, changeMsMax);
  };
  return {
    port,
    sender: 'sender@load.example',
    hold: () => change(true),
    async release() {
      await change(false);
      if (postfixHold === 'defer') run('postqueue', ['-f']);
      else run('postkick', ['public', 'qmgr', 'I']);
    },
    isEmpty: () => Promise.resolve(queuedCount(root) === 0),
  };
}

/** Its process; undefined when there is none. */
function managerOf(masterPid: number): number | undefined {
  return processTree(masterPid).find((pid) => programOf(pid) === 'qmgr');
}

/** @param queues all that mail can wait in, or some of them */
export function queuedCount(root: string, queues = ['incoming', 'active', 'deferred']): number {
  const count = (name: string): number =>
    readdirSync(join(root, 'queue', name), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      .length;
  return queues.reduce((sum, name) => sum + count(name), 0);
}

function programOf(pid: number): string {
  const path = `/proc/${pid}/comm`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

/** `127.0.0.1:25` -> `[127.0.0.1]:25`, which means no look-up of an MX. */
function nextHop(route: string): string {
  const cut = route.lastIndexOf(':');
  return `[${route.slice(0, cut)}]${route.slice(cut)}`;
}
