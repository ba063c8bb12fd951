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

/** @throws {OperationError} `addressTaken`, `addressNotPermitted`, `addressNotHere`, `addressUnusable` */
export async function requireFreeAddresses({ smtp, http }: Pick<Config, 'smtp' | 'http'>): Promise<void> {
  for (const listener of smtp.listen) await requireFree('smtp.listen', listener);
  for (const listener of http.listen) await requireFree('http.listen', listener);
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
