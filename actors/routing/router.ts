/**
 * Where an address leads: mailboxes here, addresses elsewhere, both, or nowhere. Answered by the address actors before a
 * mail is taken, so that a bad recipient costs no body (plan §10).
 *
 * Promises: alias and forward chains end (each address is looked at once, `aliasDepthMax` levels, `aliasMailboxesMax`
 * mailboxes and addresses elsewhere); an address that is not of a domain here is never followed.
 * Leaves to others: whether mail may go elsewhere for whoever asks (edges), and what a refusal is called.
 */
import type { AskOptions } from '../../runtime/actor/actor.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { AddressTarget } from '../address/protocol.ts';
import { type Address, parseAddress } from '../mail/address.ts';
import { clusterSettings } from '../settings/protocol.ts';
import { AddressLookup, type AddressMemory } from './lookup.ts';

/** An address at another server. */
export interface RemoteAddress {
  /** As it goes into RCPT TO: the local part as given, the domain in A-labels. */
  readonly address: string;
  readonly normalised: string;
  /** Key of its delivery domain. */
  readonly domain: string;
}

export interface Destinations {
  readonly mailboxIds: readonly string[];
  readonly remote: readonly RemoteAddress[];
}

export type RouteRefusal = 'unknownUser' | 'full' | 'aliasLoops' | 'aliasTooWide';

export type Route =
  | ({ readonly kind: 'taken' } & Destinations)
  /** Its domain is not one of this cluster. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'refused'; readonly why: RouteRefusal };

export interface RouteLimits {
  /** Mailboxes and addresses elsewhere that one recipient may expand to, together. */
  readonly aliasMailboxesMax: number;
  readonly aliasDepthMax: number;
}

export const routeLimits: RouteLimits = { aliasMailboxesMax: 1000, aliasDepthMax: 10 };

const nothingRemote: readonly RemoteAddress[] = [];
const elsewhere: Route = { kind: 'elsewhere' };
const refuse = (why: RouteRefusal): Route => ({ kind: 'refused', why });

interface Gathered {
  /** As they would go out: at another server, two that differ by letter case may be two (RFC 5321 §2.4). */
  readonly seen: Set<string>;
  readonly mailboxIds: Set<string>;
  /** By the address as it goes out. */
  readonly remote: Map<string, RemoteAddress>;
}

/** An address as a target of an alias names it. */
interface Member {
  readonly address: Address;
  readonly text: string;
}

export class Router {
  readonly #core: CoreApi;
  readonly #limits: RouteLimits;
  readonly #options: AskOptions;
  readonly #memory: AddressMemory | null;
  readonly #lookup: AddressLookup;

  constructor(core: CoreApi, limits: RouteLimits, options: AskOptions, memory: AddressMemory | null) {
    this.#core = core;
    this.#limits = limits;
    this.#options = options;
    this.#memory = memory;
    this.#lookup = new AddressLookup(core, options, memory);
  }

  /** Null: the core must be asked. */
  knownRoute(address: Address): Route | null {
    if (this.#memory?.isForeign(address.domain)) return elsewhere;
    const mailboxId = this.#memory?.mailboxOf(address.normalised) ?? null;
    return mailboxId === null ? null : { kind: 'taken', mailboxIds: [mailboxId], remote: nothingRemote };
  }

  /**
   * @param evenFull takes mailboxes over quota too: for asking whose an address is
   * @throws {OperationError} what the core answers when it cannot say
   */
  async route(address: Address, evenFull = false): Promise<Route> {
    const found = await this.#lookup.find(address);
    if (found.kind === 'notLocal') return elsewhere;
    if (found.kind === 'unknown') return refuse('unknownUser');
    if (found.full && !evenFull) return refuse('full');
    const { target } = found;
    if (target.type === 'mailbox') return { kind: 'taken', mailboxIds: [target.mailboxId], remote: nothingRemote };
    return this.#expand(address, target, evenFull);
  }

  /** RFC 5321 §4.1.1.3: `postmaster` without a domain is taken; the first local domain's postmaster has it. */
  async routePostmaster(): Promise<Route> {
    const domains = await this.#core.query(clusterSettings, { kind: 'domains' } as const, this.#options);
    for (const domain of domains) {
      const route = await this.route(parseAddress(`postmaster@${domain}`));
      if (route.kind !== 'refused' || route.why !== 'unknownUser') return route;
    }
    return refuse('unknownUser');
  }

  /**
   * Level by level, all addresses of a level in one round trip. A target that no longer exists is left out as long as
   * another is there: one stale name must not cut off everybody else.
   */
  async #expand(first: Address, target: AddressTarget, evenFull: boolean): Promise<Route> {
    const { aliasDepthMax, aliasMailboxesMax } = this.#limits;
    const gathered: Gathered = { seen: new Set([first.normalised]), mailboxIds: new Set(), remote: new Map() };
    const { mailboxIds, remote } = gathered;
    let next = members(target, gathered);
    for (let depth = 0; next.length > 0; depth++) {
      if (depth >= aliasDepthMax) return refuse('aliasLoops');
      if (next.length > aliasMailboxesMax) return refuse('aliasTooWide');
      const level = next;
      const found = await Promise.all(level.map(({ address }) => this.#lookup.find(address)));
      next = [];
      for (const [i, each] of found.entries()) {
        if (each.kind === 'notLocal') {
          const one = remoteAddress((level[i] as Member).text, (level[i] as Member).address);
          remote.set(one.address, one);
        } else if (each.kind === 'target') {
          if (each.full && !evenFull) return refuse('full');
          next.push(...members(each.target, gathered));
        }
      }
      if (mailboxIds.size + remote.size > aliasMailboxesMax) return refuse('aliasTooWide');
    }
    if (mailboxIds.size + remote.size === 0) return refuse('unknownUser');
    return { kind: 'taken', mailboxIds: [...mailboxIds], remote: [...remote.values()] };
  }
}

/** @param text the address as it was given */
export function remoteAddress(text: string, { normalised, domain }: Address): RemoteAddress {
  // RFC 5321 §2.4: the case of a local part is its own server's affair. A domain holds no @.
  return { address: `${text.slice(0, text.lastIndexOf('@'))}@${domain}`, normalised, domain };
}

/** Adds a mailbox, and gives the addresses behind an alias or forward that were not seen yet. */
function members(target: AddressTarget, { seen, mailboxIds }: Gathered): Member[] {
  if (target.type === 'mailbox') {
    mailboxIds.add(target.mailboxId);
    return [];
  }
  if (target.type === 'forward' && target.keepIn !== null) mailboxIds.add(target.keepIn);
  const fresh: Member[] = [];
  for (const text of target.targets) {
    const address = parseAddress(text);
    const { address: outgoing } = remoteAddress(text, address);
    if (seen.has(outgoing)) continue;
    seen.add(outgoing);
    fresh.push({ address, text });
  }
  return fresh;
}
