/** The local-domain actor: a domain that we receive for, its policy and its list of addresses. Key: the domain, lower-case, A-labels. */
import { defineActor } from '../../runtime/actor/actor.ts';

export interface DomainPolicy {
  /** Address that gets mail for unknown local parts; null refuses it with 550. */
  readonly catchAll: string | null;
  /** Where `postmaster` goes while no address of that name exists; null only before the first account. */
  readonly postmaster: string | null;
  /** Character that begins the detail of `ann+lists@…`; null switches it off. */
  readonly detailSeparator: string | null;
  readonly tenant: string | null;
}

export interface DomainAddress {
  /** Full normalised address. */
  readonly address: string;
  readonly type: 'account' | 'alias' | 'forward';
  /** Set for accounts. Stable from the reservation on, so that an interrupted `account add` can be repeated. */
  readonly accountId: string | null;
  readonly mailboxId: string | null;
}

export type LocalDomainCommand =
  | { readonly kind: 'create'; readonly policy: Partial<DomainPolicy> }
  | { readonly kind: 'setPolicy'; readonly policy: Partial<DomainPolicy> }
  /** Refused with `domainInUse` while it has addresses. */
  | { readonly kind: 'remove' }
  /** Enters an address in the list, or answers the entry that is there; the first account becomes postmaster. */
  | { readonly kind: 'reserve'; readonly address: string; readonly type: DomainAddress['type'] }
  | { readonly kind: 'forget'; readonly address: string };

export type LocalDomainQuery =
  /** What RCPT needs when an address is unknown or its domain may not be ours. */
  { readonly kind: 'policy' } | { readonly kind: 'addresses'; readonly after: string | null; readonly limit: number };

export interface LocalDomainAnswers {
  create: { readonly created: boolean };
  setPolicy: DomainPolicy;
  remove: { readonly removed: boolean };
  reserve: { readonly entry: DomainAddress; readonly isNew: boolean };
  forget: { readonly forgotten: boolean };
  policy: { readonly exists: boolean; readonly policy: DomainPolicy };
  addresses: { readonly addresses: readonly DomainAddress[]; readonly next: string | null };
}

export interface LocalDomainProtocol {
  command: LocalDomainCommand;
  query: LocalDomainQuery;
  notice: never;
  answers: LocalDomainAnswers;
}

export const localDomains = defineActor<LocalDomainProtocol>('local-domain');
