/**
 * Which hosts take mail for a domain, in the order in which they are tried (RFC 5321 §5.1, RFC 7505).
 *
 * Promises: never ourselves; a domain that takes no mail or does not exist is known as such before a connection is made,
 * and a DNS that does not answer is never taken for that.
 */
import { isIP } from 'node:net';
import type { Random } from '../../runtime/base/random.ts';
import type { CourierLimits } from './limits.ts';
import { noReply, type Reply } from './reply.ts';
import type { Answer, MxRecord, Resolver } from './resolver.ts';

export interface OwnNames {
  readonly hostname: string;
  /** Where this node takes mail itself, one row an address. */
  readonly listening: readonly { readonly ip: string; readonly port: number }[];
}

export interface NextHop {
  readonly host: string;
  readonly port: number;
}

export interface Verdict {
  readonly outcome: 'deferred' | 'failed';
  readonly reply: Reply;
}

export type Route<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly verdict: Verdict };

const failed = (enhanced: string, text: string): Route<never> => verdict('failed', enhanced, text);
const deferred = (enhanced: string, text: string): Route<never> => verdict('deferred', enhanced, text);

function verdict(outcome: Verdict['outcome'], enhanced: string, text: string): Route<never> {
  return { ok: false, verdict: { outcome, reply: noReply(enhanced, text) } };
}

export interface HopContext {
  readonly resolver: Resolver;
  readonly random: Random;
  readonly own: OwnNames;
  readonly limits: CourierLimits;
  /** Where servers of other domains listen: 25. */
  readonly smtpPort: number;
}

/** @param domain key of a delivery domain: A-labels, or an address literal */
export async function nextHopsOf(domain: string, context: HopContext): Promise<Route<readonly NextHop[]>> {
  const { resolver, smtpPort: port } = context;
  const literal = /^\[(?:IPv6:)?(.+)\]$/i.exec(domain)?.[1];
  if (literal !== undefined) {
    return isIP(literal) === 0
      ? failed('5.1.2', `${domain} is no address of a host`)
      : { ok: true, value: [{ host: literal, port }] };
  }
  const answer = await resolver.mx(domain);
  switch (answer.status) {
    case 'failed':
      return deferred('4.4.3', `the DNS does not answer for ${domain}: ${answer.text}`);
    case 'noDomain':
      return failed('5.1.2', `there is no domain ${domain}`);
    case 'none':
      return await implicitMx(domain, context);
    case 'found':
      return await hopsOf(domain, answer.records, context);
  }
}

/** RFC 5321 §5.1: without MX records the domain is its own host, if it has an address. */
async function implicitMx(domain: string, context: HopContext): Promise<Route<NextHop[]>> {
  const { resolver, smtpPort: port } = context;
  const answers = await Promise.all([resolver.addresses(domain, 4), resolver.addresses(domain, 6)]);
  if (answers.some(({ status }) => status === 'found')) {
    const isOurs = (await ownPriority([{ exchange: domain, priority: 0 }], context)) === 0;
    return isOurs ? itIsUs(domain) : { ok: true, value: [{ host: domain, port }] };
  }
  const unknown = answers.find((answer) => answer.status === 'failed');
  if (unknown !== undefined) return deferred('4.4.3', `the DNS does not answer for ${domain}: ${unknown.text}`);
  if (answers.every(({ status }) => status === 'noDomain')) return failed('5.1.2', `there is no domain ${domain}`);
  return failed('5.4.4', `${domain} has neither a mail server nor an address`);
}

async function hopsOf(domain: string, records: readonly MxRecord[], context: HopContext): Promise<Route<NextHop[]>> {
  // RFC 7505 §3: alone, or it is malformed and left out.
  const named = records.filter(({ exchange }) => exchange !== '' && exchange !== '.');
  if (named.length === 0) return failed('5.1.10', `${domain} takes no mail (null MX)`);
  const sorted = shuffled(named, context.random)
    .sort((a, b) => a.priority - b.priority)
    .slice(0, context.limits.hostsMax);
  const own = await ownPriority(sorted, context);
  const hops = sorted.filter(({ priority }) => priority < own);
  if (hops.length === 0) return itIsUs(domain);
  return {
    ok: true,
    value: hops.map(({ exchange }) => ({ host: exchange.replace(/\.$/, ''), port: context.smtpPort })),
  };
}

function itIsUs(domain: string): Route<never> {
  return failed(
    '5.4.6',
    `the mail server of ${domain} is this one, which has no such domain: add it here, or set a route`,
  );
}

/** Of the most preferred host that is ourselves: it and what is not preferred to it would loop. */
async function ownPriority(sorted: readonly MxRecord[], context: HopContext): Promise<number> {
  const { hostname, listening } = context.own;
  for (const { exchange, priority } of sorted) {
    if (sameName(exchange, hostname)) return priority;
    if (listening.length === 0) continue;
    const found = await context.resolver.addresses(exchange, 4);
    const addresses = found.status === 'found' ? found.records : [];
    if (addresses.some((ip) => isOwn(ip, context.smtpPort, context.own))) return priority;
  }
  return Number.POSITIVE_INFINITY;
}

function isOwn(ip: string, port: number, { listening }: OwnNames): boolean {
  return listening.some((own) => own.ip === ip && own.port === port);
}

function sameName(a: string, b: string): boolean {
  return a.replace(/\.$/, '').toLowerCase() === b.replace(/\.$/, '').toLowerCase();
}

/** Equal ones at random (RFC 5321 §5.1), so that load spreads. */
function shuffled<T>(values: readonly T[], random: Random): T[] {
  const left = [...values];
  const order: T[] = [];
  while (left.length > 0) {
    const [high, low] = random.bytes(2) as unknown as [number, number];
    order.push(...left.splice((high * 256 + low) % left.length, 1));
  }
  return order;
}

/** Addresses of a host, IPv4 first. */
export async function addressesOf(
  host: string,
  { resolver, limits, own }: HopContext,
  port: number,
): Promise<Route<readonly string[]>> {
  if (isIP(host) !== 0) return { ok: true, value: [host] };
  const answers: readonly Answer<string>[] = await Promise.all([
    resolver.addresses(host, 4),
    resolver.addresses(host, 6),
  ]);
  const found = answers.flatMap((answer) =>
    answer.status === 'found' ? answer.records.slice(0, limits.addressesPerHostMax) : [],
  );
  const others = found.filter((ip) => !isOwn(ip, port, own));
  if (others.length > 0) return { ok: true, value: others };
  if (found.length > 0) return deferred('4.4.6', `${host} is this server`);
  const unknown = answers.find((answer) => answer.status === 'failed');
  if (unknown !== undefined) return deferred('4.4.3', `the DNS does not answer for ${host}: ${unknown.text}`);
  return deferred('4.4.4', `${host} has no address`);
}
