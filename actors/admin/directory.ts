/** Look-ups that several subcommands share: which domains are ours, what an address leads to, whose mailbox it is. */
import { z } from 'zod';
import type { ActorRef, AnswerTo, Protocol } from '../../runtime/actor/actor.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { AdminContext } from '../../runtime/cli/admin-row.ts';
import { accounts } from '../account/protocol.ts';
import { type AddressTarget, addresses } from '../address/protocol.ts';
import { type DomainAddress, type DomainPolicy, localDomains } from '../local-domain/protocol.ts';
import { type Address, parseAddress, parseDomain } from '../mail/address.ts';
import { remoteAddress } from '../routing/router.ts';
import { clusterSettings } from '../settings/protocol.ts';
import { noSuchAccount, noSuchAddress, noSuchDomain, notAMailbox } from './codes.ts';

const pageAddresses = 1_000;

/** Changes an actor in the operator's name. Throws what it refuses. */
export function ask<P extends Protocol, const C extends P['command']>(
  context: AdminContext,
  ref: ActorRef<P>,
  command: C,
): Promise<AnswerTo<P, C>> {
  return context.core.ask<P, C>(ref, command, { principal: context.principal });
}

/** Asks an actor, in the operator's name, what has committed. */
export function query<P extends Protocol, const Q extends P['query']>(
  context: AdminContext,
  ref: ActorRef<P>,
  question: Q,
): Promise<AnswerTo<P, Q>> {
  return context.core.query<P, Q>(ref, question, { principal: context.principal });
}

/** The text of a cluster setting as it holds now. */
export async function settingOf(context: AdminContext, key: string): Promise<string> {
  const all = await query(context, clusterSettings, { kind: 'all' });
  const setting = all[key];
  invariant(setting, `the setting ${key} is in the table of settings`);
  return setting.value;
}

export async function domainPolicy(context: AdminContext, domain: string): Promise<DomainPolicy | null> {
  const { exists, policy } = await query(context, localDomains.ref(domain), { kind: 'policy' });
  return exists ? policy : null;
}

/** @throws {OperationError} `noSuchDomain` */
export async function requireDomain(context: AdminContext, domain: string): Promise<DomainPolicy> {
  const policy = await domainPolicy(context, domain);
  if (policy === null) throw noSuchDomain(domain);
  return policy;
}

/** All domains, or the one that is named. @throws {OperationError} `noSuchDomain` */
export async function domainsOf(context: AdminContext, domain: string | null): Promise<readonly string[]> {
  if (domain === null) {
    const domains = await query(context, clusterSettings, { kind: 'domains' });
    return [...domains].sort();
  }
  await requireDomain(context, domain);
  return [domain];
}

/** Where mail to it goes; null when it is not an address here. */
export async function targetOf(context: AdminContext, address: Address): Promise<AddressTarget | null> {
  const found = await query(context, addresses.ref(address.normalised), { kind: 'resolve' });
  return found.known ? found.target : null;
}

/** An address that mail is to be sent on to, here or elsewhere. */
export interface NamedTarget {
  readonly address: Address;
  readonly isHere: boolean;
  /** As it is kept: here there is one spelling; elsewhere the case of a local part is that server's affair. */
  readonly text: string;
}

export async function namedTarget(context: AdminContext, text: string): Promise<NamedTarget> {
  const address = parseAddress(text);
  const isHere = (await domainPolicy(context, address.domain)) !== null;
  return { address, isHere, text: isHere ? address.normalised : remoteAddress(text, address).address };
}

export interface Holder {
  readonly address: Address;
  readonly mailboxId: string;
  readonly accountId: string;
  /** False when the address is a further one of the account. */
  readonly isPrimary: boolean;
}

/**
 * The mailbox that an address leads to.
 * @throws {OperationError} `noSuchAddress`, `notAMailbox`, or what `parseAddress` refuses
 */
export async function mailboxOf(context: AdminContext, text: string): Promise<Holder> {
  const address = parseAddress(text);
  const target = await targetOf(context, address);
  if (target === null) throw noSuchAddress(address.normalised);
  if (target.type !== 'mailbox') throw notAMailbox(address.normalised, target.targets);
  return { address, mailboxId: target.mailboxId, accountId: target.accountId, isPrimary: target.primary };
}

/** As `mailboxOf`, for commands that speak of accounts: refuses with `noSuchAccount`. */
export async function accountOf(context: AdminContext, text: string): Promise<Holder> {
  const address = parseAddress(text);
  const target = await targetOf(context, address);
  if (target?.type !== 'mailbox') throw noSuchAccount(address.normalised);
  const facts = await query(context, accounts.ref(target.accountId), { kind: 'facts' });
  if (!facts.exists) throw noSuchAccount(address.normalised);
  return { address, mailboxId: target.mailboxId, accountId: target.accountId, isPrimary: target.primary };
}

async function domainPage(context: AdminContext, domain: string, after: string | null, limit = pageAddresses) {
  return await query(context, localDomains.ref(domain), { kind: 'addresses', after, limit });
}

/** What a list over all domains, or one, is asked with. `after`: the `next` of the page before. */
export const listArgs = z.strictObject({
  domain: z.string().nullable(),
  after: z.strictObject({ domain: z.string(), address: z.string().nullable() }).nullable(),
  limit: z.int().min(1).max(1_000),
});

export interface ListPage {
  readonly entries: readonly DomainAddress[];
  /** Null: this was the last page. */
  readonly next: { readonly domain: string; readonly address: string | null } | null;
}

/** A page of the addresses of all domains, one domain after another. */
export async function listPage(
  context: AdminContext,
  { domain, after, limit }: z.output<typeof listArgs>,
): Promise<ListPage> {
  const domains = await domainsOf(context, domain === null ? null : parseDomain(domain));
  const current = domains.find((name) => after === null || name >= after.domain);
  if (current === undefined) return { entries: [], next: null };
  const page = await domainPage(context, current, current === after?.domain ? after.address : null, limit);
  if (page.next !== null) return { entries: page.addresses, next: { domain: current, address: page.next } };
  const following = domains[domains.indexOf(current) + 1];
  return { entries: page.addresses, next: following === undefined ? null : { domain: following, address: null } };
}

/** Every entry of a domain's list, page by page. */
export async function* domainEntries(
  context: AdminContext,
  domain: string,
): AsyncGenerator<DomainAddress, void, undefined> {
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof domainPage>> = await domainPage(context, domain, after);
    yield* page.addresses;
    after = page.next;
  } while (after !== null);
}

/** The entry of one address in its domain's list; null when it has none. Unlike `reserve` it makes none. */
export async function findEntry(context: AdminContext, address: Address): Promise<DomainAddress | null> {
  // All addresses of the list end with the same domain, so nothing of it lies between the address without its last
  // letter and the address itself.
  const { addresses: found } = await domainPage(context, address.domain, address.normalised.slice(0, -1), 1);
  return found.find((entry) => entry.address === address.normalised) ?? null;
}
