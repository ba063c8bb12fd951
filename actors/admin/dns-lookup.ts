/**
 * Asks the DNS what it has, in the words of a zone file.
 *
 * Promises: a name or a type that is not there is an empty list; whatever else goes wrong is `dnsUnreachable`; an answer or
 * a failure comes within about `timeoutMs` times `tries`. Unlike the courier it remembers nothing: who has just changed a
 * record wants to see it.
 * Leaves to others: what ought to be there (`dns-records.ts`).
 */
import { promises } from 'node:dns';
import { badDnsServers, dnsUnreachable } from './codes.ts';
import type { RecordType } from './dns-records.ts';

/** @throws {OperationError} `dnsUnreachable` */
export type Lookup = (type: RecordType, name: string) => Promise<readonly string[]>;

const timeoutMs = 2_500;
const tries = 2;
const notThere: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA']);

/**
 * @param servers `192.0.2.1` or `192.0.2.1:53`; none: those of the machine
 * @throws {OperationError} `badDnsServers`
 */
export function dnsLookup(servers: readonly string[]): Lookup {
  const resolver = new promises.Resolver({ timeout: timeoutMs, tries });
  try {
    if (servers.length > 0) resolver.setServers([...servers]);
  } catch {
    throw badDnsServers(servers);
  }
  return async (type, name) => {
    try {
      return await readers[type](resolver, name);
    } catch (error) {
      const code = (error as { readonly code?: unknown }).code;
      if (typeof code !== 'string') throw error;
      if (notThere.has(code)) return [];
      throw dnsUnreachable(`${type} of ${name}`, code, error);
    }
  };
}

type Reader = (resolver: promises.Resolver, name: string) => Promise<readonly string[]>;

const readers: Readonly<Record<RecordType, Reader>> = {
  A: (resolver, name) => resolver.resolve4(name),
  AAAA: (resolver, name) => resolver.resolve6(name),
  MX: async (resolver, name) =>
    (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}.`),
  TXT: async (resolver, name) => (await resolver.resolveTxt(name)).map((strings) => strings.join('')),
  SRV: async (resolver, name) =>
    (await resolver.resolveSrv(name)).map(
      ({ priority, weight, port, name: target }) => `${priority} ${weight} ${port} ${target}.`,
    ),
};
