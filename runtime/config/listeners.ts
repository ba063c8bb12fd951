/**
 * Where a protocol server listens. The short form is a string, the long form a table:
 *
 *     listen = "127.0.0.1:2525"                   one address            listen = ":25, [::1]:2525"   two
 *     listen = "off"
 *     listen = [{ address = ":25", tls = "starttls", proxyProtocol = true, trusted = ["10.0.0.7"] }]
 */
import { isIP } from 'node:net';
import type { z } from 'zod';
import { field, Misfit } from './fields.ts';

export type ListenerTls = 'none' | 'starttls' | 'implicit';

export interface Listener {
  /** IP address; `::` is all addresses of both families. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** `implicit`: from the first byte. */
  readonly tls: ListenerTls;
  /** Sessions begin with a PROXY line that names the client; only from `trusted`. */
  readonly proxyProtocol: boolean;
  readonly trusted: readonly string[];
}

/** `submission` is port 587 (RFC 6409), `submissions` port 465 (RFC 8314), `mesh` is between nodes. */
export type ListenerProtocol = 'smtp' | 'submission' | 'submissions' | 'http' | 'mesh';

const tlsOf: Readonly<Record<ListenerProtocol, readonly ListenerTls[]>> = {
  smtp: ['starttls', 'none', 'implicit'],
  submission: ['starttls'],
  submissions: ['implicit'],
  http: ['implicit', 'none'],
  // Mutual TLS with the cluster's own certificates, always: there is nothing to choose.
  mesh: ['implicit'],
};

export function listeners(options: {
  readonly does: string;
  readonly default: string;
  readonly protocol: ListenerProtocol;
}): z.ZodType<readonly Listener[]> {
  const { does, protocol } = options;
  const tables =
    protocol === 'mesh' ? '' : `, or tables {address, tls (${tlsOf[protocol].join(', ')}), proxyProtocol, trusted}`;
  return field({
    does,
    default: options.default,
    form:
      'off, an address such as 127.0.0.1:2525, [::1]:25 or :25 (all interfaces), several of them with commas or as a ' +
      `list${tables}`,
    read: (value) => parseListeners(value, protocol),
  });
}

/** @throws Misfit */
export function parseListeners(value: unknown, protocol: ListenerProtocol): Listener[] {
  return entriesOf(value).map((entry) => parseListener(entry, protocol));
}

function entriesOf(value: unknown): readonly unknown[] {
  if (value === 'off' || value === false) return [];
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string') return [value];
  // The environment and --set have no tables; JSON stands in for them.
  if (/^\s*\[\s*\{/.test(value)) return parseJsonList(value);
  return value.split(',').map((part) => part.trim());
}

function parseJsonList(json: string): unknown[] {
  try {
    return JSON.parse(json) as unknown[];
  } catch (error) {
    throw new Misfit(`the list is no JSON: ${(error as Error).message}`);
  }
}

const fieldsKnown = ['address', 'tls', 'proxyProtocol', 'trusted'];

function parseListener(entry: unknown, protocol: ListenerProtocol): Listener {
  if (typeof entry === 'string') {
    const { host, port } = parseAddress(entry);
    return { host, port, tls: defaultTls(host, protocol), proxyProtocol: false, trusted: [] };
  }
  if (typeof entry !== 'object' || entry === null) throw new Misfit(`${JSON.stringify(entry)} is no listener`);
  const unknown = Object.keys(entry).find((name) => !fieldsKnown.includes(name));
  if (unknown !== undefined) throw new Misfit(`a listener has no ${JSON.stringify(unknown)}`);
  const { address, tls, proxyProtocol = false, trusted = [] } = entry as Record<string, unknown>;
  if (typeof address !== 'string') throw new Misfit('a listener has no address');
  const { host, port } = parseAddress(address);
  // A name in front of the TLS would be a name without a certificate.
  if (proxyProtocol !== false && protocol === 'mesh') throw new Misfit('nodes speak without a PROXY line');
  return { host, port, tls: parseTls(tls, host, protocol), ...parseProxy(address, proxyProtocol, trusted) };
}

function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new Misfit(`${JSON.stringify(address)} is no address with a port`);
  const host = match[1] ?? match[2] ?? '';
  if (host === '') return { host: '::', port };
  // A name could mean other addresses tomorrow; this one cannot.
  if (host === 'localhost') return { host: '127.0.0.1', port };
  if (isIP(host) === 0) throw new Misfit(`${JSON.stringify(host)} is no IP address`);
  return { host, port };
}

function parseTls(tls: unknown, host: string, protocol: ListenerProtocol): ListenerTls {
  if (tls === undefined) return defaultTls(host, protocol);
  const found = tlsOf[protocol].find((each) => each === tls);
  if (found === undefined) throw new Misfit(`tls ${JSON.stringify(tls)} is not one of ${tlsOf[protocol].join(', ')}`);
  return found;
}

/** HTTP carries passwords and mail: in clear it stays on this machine unless somebody says otherwise. */
function defaultTls(host: string, protocol: ListenerProtocol): ListenerTls {
  if (protocol === 'smtp' || protocol === 'submission') return 'starttls';
  if (protocol === 'submissions' || protocol === 'mesh') return 'implicit';
  return isLoopback(host) ? 'none' : 'implicit';
}

export function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.');
}

function parseProxy(
  address: string,
  proxyProtocol: unknown,
  trusted: unknown,
): Pick<Listener, 'proxyProtocol' | 'trusted'> {
  if (typeof proxyProtocol !== 'boolean') throw new Misfit('proxyProtocol is not true or false');
  if (!Array.isArray(trusted) || !trusted.every((each) => typeof each === 'string' && isIP(each) !== 0)) {
    throw new Misfit('trusted is no list of IP addresses');
  }
  // Without it anybody could claim to be anybody.
  if (proxyProtocol && trusted.length === 0) throw new Misfit(`${address} has proxyProtocol, so it needs trusted`);
  return { proxyProtocol, trusted: trusted as string[] };
}
