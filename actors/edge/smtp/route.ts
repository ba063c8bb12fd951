/**
 * Where a recipient leads: mailboxes here, or a refusal. Answered by the address actors before DATA, so that a bad
 * recipient costs no body (plan §10).
 *
 * Promises: at most one query for a plain address that exists, one round trip for one with a detail; alias chains end
 * (each address is looked at once, `aliasDepthMax` levels, `aliasMailboxesMax` mailboxes).
 * Leaves to others: what an address is (`mail/address.ts`), forwarding to other servers.
 */
import type { AskOptions } from '../../../runtime/actor/actor.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { addresses, type AddressTarget, type Resolution } from '../../address/protocol.ts';
import { type DomainPolicy, type LocalDomainAnswers, localDomains } from '../../local-domain/protocol.ts';
import { type Address, parseAddress, splitDetail } from '../../mail/address.ts';
import { clusterSettings } from '../../settings/protocol.ts';
import type { KnownAddresses } from './known-addresses.ts';
import type { SmtpLimits } from './limits.ts';
import { type Reply, replies } from './replies.ts';

export type Route =
  | { readonly kind: 'mailboxes'; readonly mailboxIds: readonly string[] }
  | { readonly kind: 'refused'; readonly reply: Reply };

type Found =
  | { readonly kind: 'target'; readonly target: AddressTarget; readonly full: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'notLocal' };

const refuse = (reply: Reply): Route => ({ kind: 'refused', reply });

/** Separator that is tried at once; a domain with another one costs a round trip more. */
const usualSeparator = '+';

export class Router {
  readonly #core: CoreApi;
  readonly #limits: SmtpLimits;
  readonly #options: AskOptions;
  readonly #fullReply: () => Reply;
  readonly #known: KnownAddresses;

  constructor(core: CoreApi, limits: SmtpLimits, options: AskOptions, fullReply: () => Reply, known: KnownAddresses) {
    this.#core = core;
    this.#limits = limits;
    this.#options = options;
    this.#fullReply = fullReply;
    this.#known = known;
  }

  /** Null: the core must be asked. */
  knownRoute(address: Address): Route | null {
    const mailboxId = this.#known.mailboxOf(address.normalised);
    return mailboxId === null ? null : { kind: 'mailboxes', mailboxIds: [mailboxId] };
  }

  /** @throws {OperationError} what the core answers when it cannot say */
  async route(address: Address): Promise<Route> {
    const found = await this.#lookUp(address);
    if (found.kind === 'notLocal') return refuse(replies.relayingDenied);
    if (found.kind === 'unknown') return refuse(replies.unknownUser);
    if (found.full) return refuse(this.#fullReply());
    if (found.target.type === 'mailbox') return { kind: 'mailboxes', mailboxIds: [found.target.mailboxId] };
    return this.#expand(address, found.target);
  }

  /** RFC 5321 §4.1.1.3: `postmaster` without a domain is taken; the first local domain's postmaster has it. */
  async routePostmaster(): Promise<Route> {
    const domains = await this.#core.query(clusterSettings, { kind: 'domains' } as const, this.#options);
    for (const domain of domains) {
      const route = await this.route(parseAddress(`postmaster@${domain}`));
      if (route.kind === 'mailboxes' || route.reply !== replies.unknownUser) return route;
    }
    return refuse(replies.unknownUser);
  }

  async #lookUp(address: Address): Promise<Found> {
    if (address.local.includes(usualSeparator)) return this.#lookUpWithDetail(address);
    const exact = await this.#resolve(address.normalised);
    if (exact.known) return { kind: 'target', target: exact.target, full: exact.full };
    const { exists, policy } = await this.#policyOf(address.domain);
    if (!exists) return { kind: 'notLocal' };
    const { base, detail } = splitDetail(address.local, policy.detailSeparator);
    const plain = detail === null ? null : await this.#resolve(`${base}@${address.domain}`);
    return this.#fallBack(address, plain, base, policy);
  }

  /** `ann+lists@`: an address of exactly that name wins over `ann@`, and all is asked in one round trip. */
  async #lookUpWithDetail(address: Address): Promise<Found> {
    const guess = splitDetail(address.local, usualSeparator).base;
    const [exact, guessed, { exists, policy }] = await Promise.all([
      this.#resolve(address.normalised),
      this.#resolve(`${guess}@${address.domain}`),
      this.#policyOf(address.domain),
    ]);
    if (exact.known) return { kind: 'target', target: exact.target, full: exact.full };
    if (!exists) return { kind: 'notLocal' };
    const { base, detail } = splitDetail(address.local, policy.detailSeparator);
    if (detail === null) return this.#fallBack(address, null, address.local, policy);
    const plain = base === guess ? guessed : await this.#resolve(`${base}@${address.domain}`);
    return this.#fallBack(address, plain, base, policy);
  }

  /** What is left when no address has exactly this name: the base address, postmaster, catch-all. */
  #fallBack(address: Address, plain: Resolution | null, base: string, policy: DomainPolicy): Found {
    if (plain?.known) return { kind: 'target', target: plain.target, full: plain.full };
    // RFC 5321 §4.5.1: every domain that takes mail takes it for postmaster.
    const instead = base === 'postmaster' ? (policy.postmaster ?? policy.catchAll) : policy.catchAll;
    if (instead === null || instead === address.normalised) return { kind: 'unknown' };
    return { kind: 'target', target: { type: 'alias', targets: [instead] }, full: false };
  }

  /**
   * Level by level, all addresses of a level in one round trip. A target that no longer exists is left out as long as
   * another is there: one stale name must not cut off everybody else.
   */
  async #expand(first: Address, target: AddressTarget): Promise<Route> {
    const seen = new Set([first.normalised]);
    const mailboxIds = new Set<string>();
    let next = this.#members(target, seen, mailboxIds);
    for (let depth = 0; next.length > 0; depth++) {
      if (depth >= this.#limits.aliasDepthMax) return refuse(replies.aliasLoops);
      if (next.length > this.#limits.aliasMailboxesMax) return refuse(replies.aliasTooWide);
      const level = await Promise.all(next.map((address) => this.#lookUp(address)));
      next = [];
      for (const found of level) {
        if (found.kind === 'notLocal') return refuse(replies.remoteTarget);
        if (found.kind === 'unknown') continue;
        if (found.full) return refuse(this.#fullReply());
        if (found.target.type === 'forward') return refuse(replies.remoteTarget);
        next.push(...this.#members(found.target, seen, mailboxIds));
      }
      if (mailboxIds.size > this.#limits.aliasMailboxesMax) return refuse(replies.aliasTooWide);
    }
    if (target.type === 'forward') return refuse(replies.remoteTarget);
    return mailboxIds.size === 0 ? refuse(replies.unknownUser) : { kind: 'mailboxes', mailboxIds: [...mailboxIds] };
  }

  /** Adds a mailbox, or gives the addresses behind an alias that were not seen yet. */
  #members(target: AddressTarget, seen: Set<string>, mailboxIds: Set<string>): Address[] {
    if (target.type === 'mailbox') {
      mailboxIds.add(target.mailboxId);
      return [];
    }
    if (target.type === 'forward') return [];
    const fresh: Address[] = [];
    for (const text of target.targets) {
      const address = parseAddress(text);
      if (seen.has(address.normalised)) continue;
      seen.add(address.normalised);
      fresh.push(address);
    }
    return fresh;
  }

  async #resolve(normalised: string): Promise<Resolution> {
    const { changes } = this.#known;
    const found = await this.#core.query(addresses.ref(normalised), { kind: 'resolve' }, this.#options);
    if (found.known && !found.full && found.target.type === 'mailbox') {
      this.#known.keep(normalised, found.target.mailboxId, changes);
    }
    return found;
  }

  #policyOf(domain: string): Promise<LocalDomainAnswers['policy']> {
    return this.#core.query(localDomains.ref(domain), { kind: 'policy' } as const, this.#options);
  }
}
