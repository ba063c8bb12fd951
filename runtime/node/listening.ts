/**
 * Whether the configured addresses can be listened on, asked before the workers are started.
 *
 * Promises: an address that is taken, or not ours to take, is refused with its key and its cure; so is one that another
 * node holds with several SMTP threads, which would otherwise share its connections with us (SO_REUSEPORT).
 * Leaves to others: listening. Whoever takes the address between our look and theirs makes them fail instead.
 */
import { createServer } from 'node:net';
import type { OperationError } from '../base/errors.ts';
import type { Listener } from '../config/listeners.ts';
import type { Config } from '../config/schema.ts';
import { addressNotHere, addressNotPermitted, addressTaken, addressUnusable } from './codes.ts';

const sections = ['smtp', 'submission', 'submissions', 'http'] as const;

/** @throws {OperationError} `addressTaken`, `addressNotPermitted`, `addressNotHere`, `addressUnusable` */
export async function requireFreeAddresses(config: Pick<Config, (typeof sections)[number]>): Promise<void> {
  for (const section of sections) {
    for (const listener of config[section].listen) await requireFree(`${section}.listen`, listener);
  }
}

function requireFree(key: string, { host, port }: Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(refusal(key, host, port, error)));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}

function refusal(key: string, host: string, port: number, error: NodeJS.ErrnoException): OperationError {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return addressTaken(key, address);
    case 'EACCES':
      return addressNotPermitted(key, address);
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return addressNotHere(key, address);
    default:
      return addressUnusable(key, address, error.message);
  }
}
