/**
 * How an account comes into being and goes again, over four actors: its domain's list, its mailbox, itself, its
 * address.
 *
 * Promises: each can be interrupted after any step and be repeated; a repetition finishes it. Of two additions of one
 * address exactly one succeeds, and its password holds.
 *
 *      add:     reserve (gives the ids) > mailbox > account > mailbox knows address > CLAIM > password, if it was a rest
 *      remove:  disable > release addresses, end copies > purge mailbox > remove account > FORGET the reservation
 *
 * Mail arrives from the claim on, so the claim is what makes an account exist. The reservation is forgotten last, since
 * it alone knows the ids of what is still to be removed; a disabled account without a claim tells that a removal, not
 * an addition, was interrupted.
 */
import type { AdminContext } from '../../runtime/cli/admin-row.ts';
import { type Credential, accounts } from '../account/protocol.ts';
import { addresses } from '../address/protocol.ts';
import { type DomainAddress, localDomains } from '../local-domain/protocol.ts';
import { type Address, parseAddress } from '../mail/address.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import { mapBounded } from './bounded.ts';
import { accountExists, addressTaken, isAccountAddress, noSuchAccount, removalUnfinished } from './codes.ts';
import { ask, query, domainEntries, domainsOf, findEntry, targetOf } from './directory.ts';

export interface NewAccount {
  readonly address: Address;
  readonly displayName: string;
  /** argon2id in PHC string form; null for an account that nobody can log in to yet. */
  readonly passwordHash: string | null;
  /** 0: no limit. */
  readonly quotaBytes: number;
}

export interface MadeAccount {
  readonly address: string;
  readonly accountId: string;
  readonly mailboxId: string;
}

/** Addresses that are looked at together when an account goes. */
const addressesAtOnceMax = 32;

export const passwordCredential = (hash: string): Omit<Credential, 'id' | 'createdMs'> => ({
  kind: 'password',
  label: 'password',
  scopes: ['all'],
  hash,
  expiresMs: null,
});

/**
 * The domain must exist (`requireDomain`).
 * @throws {OperationError} `accountExists`, `addressExists`, `removalUnfinished`
 */
export async function addAccount(context: AdminContext, account: NewAccount): Promise<MadeAccount> {
  const { normalised: address, domain } = account.address;
  const { entry, isNew } = await ask(context, localDomains.ref(domain), { kind: 'reserve', address, type: 'account' });
  if (entry.type !== 'account' || entry.accountId === null || entry.mailboxId === null) throw addressTaken(address);
  const { accountId, mailboxId } = entry;
  if (!isNew) await refuseUnlessUnfinished(context, account.address, accountId);

  await ask(context, mailboxes.ref(mailboxId), { kind: 'create', accountId, quotaBytes: account.quotaBytes });
  const { passwordHash, displayName } = account;
  const credential = passwordHash === null ? null : passwordCredential(passwordHash);
  const { created } = await ask(context, accounts.ref(accountId), {
    kind: 'create',
    address,
    mailboxId,
    displayName,
    credential,
  });
  await ask(context, mailboxes.ref(mailboxId), { kind: 'addAddress', address });
  const target = { type: 'mailbox', mailboxId, accountId, primary: true } as const;
  const claim = await ask(context, addresses.ref(address), { kind: 'claim', target });
  // Somebody else finished it meanwhile, and that one's password holds.
  if (!claim.created) throw accountExists(address);
  // The account is a rest of an interrupted addition, so it still has that one's password.
  if (!created && credential !== null) {
    await ask(context, accounts.ref(accountId), { kind: 'addCredential', credential, replaceKind: true });
  }
  return { address, accountId, mailboxId };
}

async function refuseUnlessUnfinished(context: AdminContext, address: Address, accountId: string): Promise<void> {
  if ((await targetOf(context, address)) !== null) throw accountExists(address.normalised);
  const facts = await query(context, accounts.ref(accountId), { kind: 'facts' });
  if (facts.exists && !facts.enabled) throw removalUnfinished(address.normalised);
}

export interface RemovedAccount {
  readonly address: string;
  readonly removedMessages: number;
  readonly releasedAddresses: readonly string[];
  /** Aliases and forwards that still name one of the released addresses: mail to them now has one target less. */
  readonly danglingAliases: readonly string[];
}

/** @throws {OperationError} `noSuchAccount`, `isAccountAddress` when it is a further address of an account */
export async function removeAccount(context: AdminContext, text: string): Promise<RemovedAccount> {
  const address = parseAddress(text);
  const entry = await findEntry(context, address);
  if (entry?.accountId == null || entry.mailboxId === null) throw noSuchAccount(address.normalised);
  if (entry.type !== 'account') throw isAccountAddress(address.normalised);
  const { accountId, mailboxId } = entry;

  const facts = await query(context, accounts.ref(accountId), { kind: 'facts' });
  if (facts.exists) await ask(context, accounts.ref(accountId), { kind: 'setEnabled', enabled: false });
  const leading = await addressesThatLeadTo(context, mailboxId, address.normalised);
  const { further, strays, keeping, danglingAliases } = leading;
  for (const one of [...further, ...strays]) {
    await ask(context, addresses.ref(one.normalised), { kind: 'release' });
    await ask(context, localDomains.ref(one.domain), { kind: 'forget', address: one.normalised });
  }
  for (const { address: one, target } of keeping) {
    const without = { kind: 'retarget', target: { ...target, keepIn: null } } as const;
    await ask(context, addresses.ref(one.normalised), without);
  }
  await ask(context, addresses.ref(address.normalised), { kind: 'release' });
  const summary = await query(context, mailboxes.ref(mailboxId), { kind: 'summary' });
  const purge = summary.exists ? await ask(context, mailboxes.ref(mailboxId), { kind: 'purge' }) : { removed: 0 };
  if (facts.exists) await ask(context, accounts.ref(accountId), { kind: 'remove' });
  await ask(context, localDomains.ref(address.domain), { kind: 'forget', address: address.normalised });
  const releasedAddresses = [address, ...further].map((one) => one.normalised);
  return { address: address.normalised, removedMessages: purge.removed, releasedAddresses, danglingAliases };
}

/**
 * Reads every alias of the server: removals are rare, and no index has to be kept right for them. `strays` are entries
 * that lead nowhere: what an interrupted removal, of this account or of an address, has left. An addition that is under
 * way looks the same for a moment; it enters itself again behind its claim.
 */
async function addressesThatLeadTo(context: AdminContext, mailboxId: string, primary: string) {
  const entries: DomainAddress[] = [];
  for (const domain of await domainsOf(context, null)) {
    for await (const entry of domainEntries(context, domain)) if (entry.type !== 'account') entries.push(entry);
  }
  const targets = await mapBounded(entries, addressesAtOnceMax, async (entry) => {
    const address = parseAddress(entry.address);
    return { address, target: await targetOf(context, address) };
  });
  const further = targets
    .filter(({ target }) => target?.type === 'mailbox' && target.mailboxId === mailboxId)
    .map(({ address }) => address);
  const strays = targets.filter(({ target }) => target === null).map(({ address }) => address);
  const gone = new Set([primary, ...further.map((address) => address.normalised)]);
  const danglingAliases = targets
    .filter(({ target }) => target !== null && target.type !== 'mailbox' && target.targets.some((one) => gone.has(one)))
    .map(({ address }) => address.normalised);
  // Forwards that keep a copy there: they go on without it.
  const keeping = targets.flatMap(({ address, target }) =>
    target?.type === 'forward' && target.keepIn === mailboxId ? [{ address, target }] : [],
  );
  return { further, strays, keeping, danglingAliases };
}
