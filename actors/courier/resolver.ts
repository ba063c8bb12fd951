/**
 * What the DNS says, as a port, with a memory of bounded size in front of it.
 *
 * Promises: an answer is kept for its time to live and no longer (within bounds), what does not exist likewise; many who
 * ask the same at the same time are one question.
 * Leaves to others: what an answer means for mail (`next-hops.ts`); DNSSEC: `authenticated` is false until a resolver
 * that validates answers here.
 */
import { lookup, Resolver as SystemResolver } from 'node:dns/promises';
import type { Clock } from '../../runtime/base/clock.ts';
import type { CourierLimits } from './limits.ts';

export interface MxRecord {
  /** '' is the null MX (RFC 7505). */
  readonly exchange: string;
  readonly priority: number;
}

export type Answer<Record> =
  | {
      readonly status: 'found';
      readonly records: readonly Record[];
      readonly ttl: number;
      readonly authenticated: boolean;
    }
  /** `none`: the name exists, records of this type do not. `noDomain`: NXDOMAIN. */
  | { readonly status: 'none' | 'noDomain'; readonly authenticated: boolean }
  /** SERVFAIL, no answer in time, and all else: nothing is known. */
  | { readonly status: 'failed'; readonly text: string };

export interface Resolver {
  mx(domain: string): Promise<Answer<MxRecord>>;
  /** `ipv4` before `ipv6` in questions, since most hosts have the first. */
  addresses(host: string, family: 4 | 6): Promise<Answer<string>>;
  /** What the machine itself knows (`/etc/hosts`), for names that an operator gave and the DNS does not have. */
  local(host: string): Promise<readonly string[]>;
}

export interface DnsOptions {
  /** `address` or `address:port`; none: as the system has them. */
  readonly servers: readonly string[];
  readonly clock: Clock;
  readonly limits: CourierLimits;
}

export function dnsResolver({ servers, clock, limits }: DnsOptions): Resolver {
  // Two tries of half the time.
  const dns = new SystemResolver({ timeout: Math.ceil(limits.dnsMsMax / 4), tries: 2 });
  if (servers.length > 0) dns.setServers([...servers]);
  const memory = new Memory(clock, limits);
  return {
    mx: (domain) =>
      memory.ask(`mx ${domain}`, async () => {
        const records = await dns.resolveMx(domain);
        // The library does not tell the time to live of these.
        return { records, ttlMs: limits.dnsTtlMs };
      }),
    addresses: (host, family) =>
      memory.ask(`${family} ${host}`, async () => {
        const found = await (family === 4 ? dns.resolve4(host, { ttl: true }) : dns.resolve6(host, { ttl: true }));
        const ttlMs = Math.min(...found.map(({ ttl }) => ttl)) * 1_000;
        return { records: found.map(({ address }) => address), ttlMs };
      }),
    async local(host) {
      const found = await lookup(host, { all: true, order: 'ipv4first' }).catch(() => []);
      return found.map(({ address }) => address);
    },
  };
}

interface Kept {
  readonly answer: Promise<Answer<unknown>>;
  untilMs: number;
}

class Memory {
  readonly #clock: Clock;
  readonly #limits: CourierLimits;
  /** In the order of their last use. */
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock, limits: CourierLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  ask<R>(question: string, look: () => Promise<{ records: readonly R[]; ttlMs: number }>): Promise<Answer<R>> {
    const known = this.#kept.get(question);
    this.#kept.delete(question);
    if (known !== undefined && known.untilMs > this.#clock.monotonicMs()) {
      this.#kept.set(question, known);
      return known.answer as Promise<Answer<R>>;
    }
    const { dnsNegativeTtlMs, dnsTtlMsMax, dnsNamesMax, dnsMsMax } = this.#limits;
    // While it is on its way, all wait for the same answer.
    const kept: Kept = { answer: this.#inTime(this.#look(look), dnsMsMax), untilMs: Number.POSITIVE_INFINITY };
    this.#kept.set(question, kept);
    for (const [oldest] of this.#kept) {
      if (this.#kept.size <= dnsNamesMax) break;
      this.#kept.delete(oldest);
    }
    void kept.answer.then((answer) => {
      const nowMs = this.#clock.monotonicMs();
      if (answer.status === 'found') kept.untilMs = nowMs + Math.min(answer.ttl * 1_000, dnsTtlMsMax);
      else kept.untilMs = answer.status === 'failed' ? nowMs : nowMs + dnsNegativeTtlMs;
    });
    return kept.answer as Promise<Answer<R>>;
  }

  async #look<R>(look: () => Promise<{ records: readonly R[]; ttlMs: number }>): Promise<Answer<R>> {
    try {
      const { records, ttlMs } = await look();
      if (records.length === 0) return { status: 'none', authenticated: false };
      return { status: 'found', records, ttl: ttlMs / 1_000, authenticated: false };
    } catch (error) {
      const code = (error as { readonly code?: string }).code ?? '';
      if (code === 'ENODATA') return { status: 'none', authenticated: false };
      // EBADNAME: no name at all, so it cannot exist.
      if (code === 'ENOTFOUND' || code === 'EBADNAME') return { status: 'noDomain', authenticated: false };
      return { status: 'failed', text: String(error).slice(0, 200) };
    }
  }

  #inTime<R>(answer: Promise<Answer<R>>, msMax: number): Promise<Answer<R>> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(msMax, () =>
        resolve({ status: 'failed', text: 'no DNS server answered in time' }),
      );
      void answer.then((found) => {
        cancel();
        resolve(found);
      });
    });
  }
}
