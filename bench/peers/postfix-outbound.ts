/**
 * Postfix's queue as a scenario sees it. It is held by leaving the queue manager out of `master.cf`: mail then lies in
 * `incoming`, complete and synced, and costs Postfix nothing until it is let go. (Deferring it instead would write two
 * more files a mail before, and remove them after.)
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
    // Without a queue manager there would be nobody to tell smtpd that mail also leaves, and each mail would wait 1 s.
    'in_flow_delay = 0',
    ...(options.relay === undefined ? [] : [`relayhost = ${nextHop(options.relay)}`]),
  ];
}

export function transportMap(routes: ReadonlyMap<string, string>): string {
  return [...routes].map(([domain, route]) => `${domain} smtp:${nextHop(route)}\n`).join('');
}

export function postfixOutbound(root: string, port: number, masterPid: number, reload: () => void): Outbound {
  const hasManager = (): boolean => processTree(masterPid).some((pid) => programOf(pid) === 'qmgr');
  return {
    port,
    sender: 'sender@load.example',
    async hold() {
      writeFileSync(join(root, 'etc/master.cf'), masterCf(port, { isHeld: true }));
      reload();
      await until('the queue manager of Postfix ends', () => !hasManager(), changeMsMax);
    },
    release() {
      writeFileSync(join(root, 'etc/master.cf'), masterCf(port, { isHeld: false }));
      reload();
      execFileSync('/usr/sbin/postkick', ['-c', join(root, 'etc'), 'public', 'qmgr', 'I']);
      return Promise.resolve();
    },
    isEmpty: () => Promise.resolve(queuedCount(root) === 0),
  };
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
