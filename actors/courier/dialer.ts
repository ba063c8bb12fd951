/**
 * The way to a session for one domain: host after host, address after address, with TLS and then (where that is allowed)
 * without.
 *
 *     dial()  -> a session at the place where it stands, or the next place where there is one, or why there is none
 *     pass()  -> this place is done with
 *
 * Promises: every place is tried once until `dial` gave a session there; what is left is known.
 */
import type { RemoteRoute } from '../delivery-domain/policy.ts';
import { addressesOf, type HopContext, type NextHop, nextHopsOf, type Route, type Verdict } from './next-hops.ts';
import { type OpenContext, type OpenFailure, openSession } from './open-session.ts';
import { noReply, type Reply } from './reply.ts';
import { Session } from './session.ts';
import type { TlsPolicy } from './tls-policy.ts';

export interface DialerContext extends HopContext {
  readonly tlsPolicy: TlsPolicy;
  readonly open: OpenContext;
  /** Whether it is too late for another place. */
  readonly isOver: () => boolean;
}

export class Dialer {
  readonly #domain: string;
  readonly #route: RemoteRoute | null;
  readonly #context: DialerContext;
  #hops: NextHop[] | null = null;
  #addresses: string[] | null = null;
  /** Of the place where it stands: TLS does not work there. */
  #inClearBecause: string | null = null;
  #last: Verdict = { outcome: 'deferred', reply: noReply('4.4.1', 'no server could be reached') };
  /** Name of the host that is, or was last, tried. */
  host = '';
  ip: string | null = null;

  /** @param route null: the domain's own servers (MX) */
  constructor(domain: string, route: RemoteRoute | null, context: DialerContext) {
    this.#domain = domain;
    this.#route = route;
    this.#context = context;
  }

  async dial(): Promise<Session | Verdict> {
    if (this.#hops === null) {
      const route = await this.#findHops();
      if (!route.ok) return route.verdict;
      this.#hops = [...route.value];
    }
    for (;;) {
      const hop = this.#hops[0];
      if (hop === undefined) return this.#last;
      this.host = hop.host;
      if (this.#addresses === null) {
        const found = await this.#findAddresses(hop);
        this.#addresses = found.ok ? [...found.value] : [];
        if (!found.ok) this.#last = found.verdict;
      }
      const ip = this.#addresses[0];
      if (ip === undefined) {
        this.#hops.shift();
        this.#addresses = null;
        continue;
      }
      const session = await this.#open(hop, ip);
      if (session !== null) return session;
      if (this.#context.isOver()) return this.#last;
      this.pass();
    }
  }

  /** @param why what is told when there is no other place */
  pass(why?: Reply): void {
    if (why !== undefined) this.#last = { outcome: 'deferred', reply: why };
    this.#addresses?.shift();
    this.#inClearBecause = null;
  }

  async #findHops(): Promise<Route<readonly NextHop[]>> {
    if (this.#route !== null) return { ok: true, value: [this.#route] };
    return await nextHopsOf(this.#domain, this.#context);
  }

  async #findAddresses({ host, port }: NextHop): Promise<Route<readonly string[]>> {
    const found = await addressesOf(host, this.#context, port);
    if (found.ok || this.#route === null) return found;
    const local = await this.#context.resolver.local(host);
    return local.length === 0 ? found : { ok: true, value: local };
  }

  async #open({ host, port }: NextHop, ip: string): Promise<Session | null> {
    this.ip = ip;
    const auth = this.#route?.auth ?? null;
    const isLoopback = this.#context.open.isLoopback(ip);
    const tls = await this.#context.tlsPolicy.decide({
      domain: this.#domain,
      host,
      routeTls: this.#route?.tls ?? null,
      hasPassword: auth !== null,
      isLoopback,
    });
    const target = { host, ip, port, tls, auth };
    const attempt = await openSession({ ...target, inClearBecause: this.#inClearBecause }, this.#context.open);
    if (attempt instanceof Session) return attempt;
    this.#note(attempt);
    const mayBeInClear = tls.mode === 'opportunistic' && (auth === null || isLoopback);
    if (attempt.step !== 'tls' || !mayBeInClear || this.#context.isOver()) return null;
    this.#inClearBecause = `failed: ${attempt.reply.text}`.slice(0, 200);
    const second = await openSession({ ...target, inClearBecause: this.#inClearBecause }, this.#context.open);
    if (second instanceof Session) return second;
    this.#note(second);
    return null;
  }

  /** Whatever a server says before it takes mail is about itself or us, not about the mail: another day may be better. */
  #note({ reply }: OpenFailure): void {
    this.#last = { outcome: 'deferred', reply };
  }
}
