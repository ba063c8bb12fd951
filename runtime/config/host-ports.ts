/**
 * Keys that name other machines: `host:port`, one or several, and `node=host:port`. A name is looked up when it is dialled, so
 * it may mean another address tomorrow; where a server listens is `listeners.ts`.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { z } from 'zod';
import { field, type FieldFacts, Misfit } from './fields.ts';

export interface HostPort {
  /** A host name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface NodeAddress {
  readonly node: string;
  /** `host:port`, as it is dialled. */
  readonly address: string;
}

/** Of one list: more would be no list that a person keeps. */
const entriesMax = 64;
const namePattern = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?$/i;
const nodePattern = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Null when it is no host with a port. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) return null;
  const [, six, other = ''] = match;
  if (six !== undefined) return isIPv6(six) ? { host: six, port } : null;
  // 10.0.0 or 300.1.1.1 would be taken for a name, and only be found wrong when it is dialled.
  if (/^[\d.]+$/.test(other)) return isIPv4(other) ? { host: other, port } : null;
  return namePattern.test(other) ? { host: other, port } : null;
}

export const formatHostPort = ({ host, port }: HostPort): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

type Facts = Pick<FieldFacts, 'does'> & { readonly defaultText?: string };

const hostPortForm = 'a host and a port such as n1.example.net:2580, 192.0.2.1:2580 or [2001:db8::1]:2580';

/** Empty, or one of them in its usual form. */
export function hostPort(o: Facts): z.ZodType<string> {
  return field({
    ...o,
    default: '',
    form: `${hostPortForm}, or empty`,
    read: (value) => (typeof value !== 'string' ? undefined : value.trim() === '' ? '' : usual(value)),
  });
}

export function hostPorts(o: Facts): z.ZodType<readonly string[]> {
  return field({
    ...o,
    default: '',
    form: `${hostPortForm}, several of them with commas or as a list, or empty`,
    read: (value) => entriesOf(value)?.map(usual),
  });
}

/** A node may be named several times: its addresses are tried in turn. */
export function nodeAddresses(o: Facts): z.ZodType<readonly NodeAddress[]> {
  return field({
    ...o,
    default: '',
    form: 'NODE=HOST:PORT such as n2=192.0.2.2:2580, several of them with commas or as a list, or empty',
    read: (value) => entriesOf(value)?.map(nodeAddress),
  });
}

function nodeAddress(entry: string): NodeAddress {
  const equals = entry.indexOf('=');
  const node = entry.slice(0, Math.max(0, equals)).trim();
  if (!nodePattern.test(node))
    throw new Misfit(`${JSON.stringify(entry)} does not begin with the name of a node and "="`);
  return { node, address: usual(entry.slice(equals + 1)) };
}

/** @throws Misfit */
function usual(text: string): string {
  const found = parseHostPort(text);
  if (found === null) throw new Misfit(`${JSON.stringify(text)} is no host with a port`);
  return formatHostPort(found);
}

function entriesOf(value: unknown): readonly string[] | undefined {
  const entries = typeof value === 'string' ? value.split(/[\s,]+/).filter((each) => each !== '') : value;
  if (!Array.isArray(entries) || !entries.every((each) => typeof each === 'string')) return undefined;
  if (entries.length > entriesMax) throw new Misfit(`${entries.length} are more than ${entriesMax}`);
  return entries;
}
