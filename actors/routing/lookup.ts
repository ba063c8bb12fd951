/**
 * What the address and local-domain actors say of one address: exact name, detail, postmaster, catch-all.
 *
 * Promises: at most one query for a plain address that exists, one round trip for one with a detail.
 * Leaves to others: following aliases and forwards (`router.ts`), what an address is (`mail/address.ts`).
 */
import type { AskOptions } from '../../runtime/actor/actor.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { addresses, type AddressTarget, type Resolution } from '../address/protocol.ts';
import { type DomainPolicy, type LocalDomainAnswers, localDomains } from '../local-domain/protocol.ts';
import { type Address, splitDetail } from '../mail/address.ts';

export type Found =
  | { readonly kind: 'target'; readonly target: AddressTarget; readonly full: boolean }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'notLocal' };

/** Addresses that led straight to a mailbox a moment ago, and domains that are not ours. Whoever has one keeps it true. */
export interface AddressMemory {
  mailboxOf(address: string): string | null;
  /** Grows with each change of any address or domain. */
  readonly changes: number;
  /** @param changes what `changes` was when the core was asked */
  keep(address: string, mailboxId: string, changes: number): void;
  isForeign(domain: string): boolean;
  keepForeign(domain: string, changes: number): void;
}

/** Separator that is tried at once; a domain with another one costs a round trip more. */
const usualSeparator = '+';

export class AddressLookup {
  readonly #core: CoreApi;
  readonly #options: AskOptions;
  readonly #memory: AddressMemory | null;

  constructor(core: CoreApi, options: AskOptions, memory: AddressMemory | null) {
    this.#core = core;
    this.#options = options;
    this.#memory = memory;
  }

  async find(address: Address): Promise<Found> {
    if (this.#memory?.isForeign(address.domain)) return { kind: 'notLocal' };
    if (address.local.includes(usualSeparator)) return this.#findWithDetail(address);
    const exact = await this.#resolve(address.normalised);
    if (exact.known) return { kind: 'target', target: exact.target, full: exact.full };
    const { exists, policy } = await this.#policyOf(address.domain);
    if (!exists) return { kind: 'notLocal' };
    const { base, detail } = splitDetail(address.local, policy.detailSeparator);
    const plain = detail === null ? null : await this.#resolve(`${base}@${address.domain}`);
    return this.#fallBack(address, plain, base, policy);
  }

  /** `ann+lists@`: an address of exactly that name wins over `ann@`, and all is asked in one round trip. */
  async #findWithDetail(address: Address): Promise<Found> {
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

  async #resolve(normalised: string): Promise<Resolution> {
    const changes = this.#memory?.changes ?? 0;
    const found = await this.#core.query(addresses.ref(normalised), { kind: 'resolve' }, this.#options);
    if (found.known && !found.full && found.target.type === 'mailbox') {
      this.#memory?.keep(normalised, found.target.mailboxId, changes);
    }
    return found;
  }

  async #policyOf(domain: string): Promise<LocalDomainAnswers['policy']> {
    const changes = this.#memory?.changes ?? 0;
    const answer = await this.#core.query(localDomains.ref(domain), { kind: 'policy' } as const, this.#options);
    if (!answer.exists) this.#memory?.keepForeign(domain, changes);
    return answer;
  }
}
