/** The local-domain actor: a domain that we receive for, its policy, addresses and DKIM keys. Key: the domain, lower-case, A-labels. */
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

export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

/**
 * `published`: in the DNS (or about to be), so that verifiers know it before anything is signed with it; `active`: signs,
 * at most one of each algorithm; `retired`: signs no more, its record stays while mail that it signed is on the way.
 */
export type DkimKeyState = 'published' | 'active' | 'retired';

/** A key that was made; making one takes longer than a turn may. */
export interface NewDkimKey {
  /** The record is at `<selector>._domainkey.<domain>`. */
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
  /** PKCS #8. */
  readonly privateKeyPem: string;
  /** As in the record's `p=`: SubjectPublicKeyInfo for RSA (RFC 6376 §3.6.1), the bare 32 bytes for Ed25519 (RFC 8463 §4). */
  readonly publicKeyBase64: string;
}

/** What anybody may know of a key. */
export interface DkimKeyFacts extends Omit<NewDkimKey, 'privateKeyPem'> {
  readonly state: DkimKeyState;
  readonly createdMs: number;
  /** When it got into this state. */
  readonly sinceMs: number;
}

export type SigningKey = Pick<NewDkimKey, 'selector' | 'algorithm' | 'privateKeyPem'>;

export type LocalDomainCommand =
  | { readonly kind: 'create'; readonly policy: Partial<DomainPolicy> }
  | { readonly kind: 'setPolicy'; readonly policy: Partial<DomainPolicy> }
  /** Refused with `domainInUse` while it has addresses. */
  | { readonly kind: 'remove' }
  /** Enters an address in the list, or answers the entry that is there; the first account becomes postmaster. */
  | { readonly kind: 'reserve'; readonly address: string; readonly type: DomainAddress['type'] }
  | { readonly kind: 'forget'; readonly address: string }
  /** A selector that is there already stays as it is. An active key retires the active one of its algorithm. */
  | { readonly kind: 'addKeys'; readonly keys: readonly NewDkimKey[]; readonly state: 'active' | 'published' }
  /** Activating a key retires the active one of its algorithm in the same turn. */
  | { readonly kind: 'setKeyState'; readonly selector: string; readonly state: DkimKeyState }
  /** Refused with `keyActive` for one that signs. */
  | { readonly kind: 'removeKey'; readonly selector: string };

export type LocalDomainQuery =
  /** What RCPT needs when an address is unknown or its domain may not be ours. */
  | { readonly kind: 'policy' }
  | { readonly kind: 'addresses'; readonly after: string | null; readonly limit: number }
  /** The active keys with their private halves, for whoever signs; none for a domain that is not ours. */
  | { readonly kind: 'signingKeys' }
  /** All keys, newest first. */
  | { readonly kind: 'keys' };

export interface LocalDomainAnswers {
  create: { readonly created: boolean };
  setPolicy: DomainPolicy;
  remove: { readonly removed: boolean };
  reserve: { readonly entry: DomainAddress; readonly isNew: boolean };
  forget: { readonly forgotten: boolean };
  /** Selectors. */
  addKeys: { readonly added: readonly string[]; readonly retired: readonly string[] };
  setKeyState: { readonly changed: boolean; readonly retired: readonly string[] };
  removeKey: { readonly removed: boolean };
  policy: { readonly exists: boolean; readonly policy: DomainPolicy };
  addresses: { readonly addresses: readonly DomainAddress[]; readonly next: string | null };
  signingKeys: { readonly keys: readonly SigningKey[] };
  keys: { readonly keys: readonly DkimKeyFacts[] };
}

export interface LocalDomainProtocol {
  command: LocalDomainCommand;
  query: LocalDomainQuery;
  notice: never;
  answers: LocalDomainAnswers;
}

export const localDomains = defineActor<LocalDomainProtocol>('local-domain');
