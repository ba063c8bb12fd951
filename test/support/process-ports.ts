/**
 * Ports that stay free while a node is down: below the range out of which the kernel takes ports for outgoing
 * connections, so that a client's connection never sits on the port of a node that is being restarted.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const range = 12_000;
const triesMax = 200;
const given = new Set<number>();

export async function steadyPort(): Promise<number> {
  const end = outgoingFrom();
  for (let tries = 0; tries < triesMax; tries++) {
    const port = randomInt(end - range, end);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`${triesMax} ports from ${end - range} to ${end} were taken: end what listens there`);
}

function outgoingFrom(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0]);
  } catch {
    // Not Linux: the range that IANA keeps for it begins later.
    return 32_768;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // Taken, or not for us: another one will do.
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
