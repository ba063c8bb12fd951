/** Where a server is, as operators write it: `mx.example.net:25`, `127.0.0.1:2526`, `[2001:db8::1]:25`. */
import { isIPv4, isIPv6 } from 'node:net';
import { OperationError } from '../../runtime/base/errors.ts';
import { parseDomain } from './address.ts';

export interface HostPort {
  /** A name in lower-case A-labels, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Null when it is none. The port must be there: 25 and 587 are both usual. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) return null;
  const [, inBrackets, name = ''] = match;
  if (inBrackets !== undefined) return isIPv6(inBrackets) ? { host: inBrackets.toLowerCase(), port } : null;
  if (isIPv4(name)) return { host: name, port };
  try {
    return { host: parseDomain(name), port };
  } catch (error) {
    if (error instanceof OperationError) return null;
    throw error;
  }
}

export function formatHostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
