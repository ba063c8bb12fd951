/**
 * Who may connect: at most so many in all, and so many from one client, so that a flood from one place leaves room for
 * the rest. A refusal costs a line and no session.
 */
import type { SmtpLimits } from './limits.ts';
import { type Reply, replies } from './replies.ts';

export class Admission {
  readonly #limits: SmtpLimits;
  readonly #byClient = new Map<string, number>();
  #total = 0;

  constructor(limits: SmtpLimits) {
    this.#limits = limits;
  }

  /** Takes a place, or says why there is none. */
  enter(address: string): Reply | null {
    if (this.#total >= this.#limits.connectionsMax) return replies.tooManyConnections;
    const client = clientOf(address);
    const count = this.#byClient.get(client) ?? 0;
    if (count >= this.#limits.connectionsPerClientMax) return replies.tooManyFromClient;
    this.#byClient.set(client, count + 1);
    this.#total++;
    return null;
  }

  leave(address: string): void {
    const client = clientOf(address);
    const count = this.#byClient.get(client) ?? 0;
    if (count <= 1) this.#byClient.delete(client);
    else this.#byClient.set(client, count - 1);
    this.#total--;
  }
}

/** An IPv4 address as it is; of an IPv6 address its /64, which is what one customer gets (RFC 6177). */
export function clientOf(address: string): string {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const plain = address.split('%')[0] ?? address;
  const [front = '', back] = plain.split('::');
  const groups = front === '' ? [] : front.split(':');
  const missing = back === undefined ? 0 : 8 - groups.length - (back === '' ? 0 : back.split(':').length);
  const padded = [...groups, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...(back ?? '').split(':')];
  return padded
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
