/**
 * The node's end of `ringpost address …`: further addresses of an account, aliases of several, forwards to elsewhere.
 *
 * Leaves to others: an account's own address (`account-life.ts`), following what leads on (`routing/router.ts`).
 */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import { accounts } from '../account/protocol.ts';
import { addresses, type AddressTarget, mailboxBehind } from '../address/protocol.ts';
import { localDomains } from '../local-domain/protocol.ts';
import { type Address, parseAddress } from '../mail/address.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import { mapBounded } from './bounded.ts';
import { addressTaken, aliasLoop, isAccountAddress, noSuchAddress } from './codes.ts';
import {
  accountOf,
  ask,
  findEntry,
  listArgs,
  listPage,
  namedTarget,
  query,
  requireDomain,
  targetOf,
} from './directory.ts';

/** A list that is longer is a mailing list, which is another thing. */
const targetsMax = 100;
const lookupsAtOnceMax = 32;

const newAddress = z.strictObject({
  address: z.string(),
  targets: z.array(z.string()).min(1).max(targetsMax),
  /** `forward`: sent on, with a copy kept where `keep` says. */
  type: z.enum(['alias', 'forward']),
  /** For `forward`: an account, in whose mailbox a copy is kept. */
  keep: z.string().nullable(),
});

export const addressAdd = adminRow({
  name: 'address-add',
  permission: 'address.write',
  summary: 'Add an address that leads to an account, to several addresses, or elsewhere',
  args: newAddress,
  async run(context, args) {
    const address = parseAddress(args.address);
    await requireDomain(context, address.domain);
    const { target, elsewhere } = await checkedTarget(context, address, args);
    // Never as an account: an entry of that type would get a mailbox of its own.
    const reserve = { kind: 'reserve', address: address.normalised, type: args.type } as const;
    const { entry } = await ask(context, localDomains.ref(address.domain), reserve);
    if (entry.type === 'account') throw addressTaken(address.normalised);
    const claim = { kind: 'claim', target } as const;
    const { created } = await ask(context, addresses.ref(address.normalised), claim);
    // Behind the claim, since it tells the address at once when the mailbox is full; also on a repetition.
    await tellMailbox(context, target, 'addAddress', address);
    // Again: a removal of an account that passed by meanwhile took it for a stray (`account-life.ts`).
    await ask(context, localDomains.ref(address.domain), reserve);
    return { address: address.normalised, created, targets: args.targets, elsewhere };
  },
});

/** @throws {OperationError} `noSuchAddress`, `aliasLoop`, `noSuchAccount` */
async function checkedTarget(
  context: AdminContext,
  address: Address,
  { targets: texts, type, keep }: z.output<typeof newAddress>,
): Promise<{ readonly target: AddressTarget; readonly elsewhere: readonly string[] }> {
  const keepIn = keep === null ? null : (await accountOf(context, keep)).mailboxId;
  const found = await mapBounded(texts, lookupsAtOnceMax, async (text) => {
    const named = await namedTarget(context, text);
    if (named.address.normalised === address.normalised) throw aliasLoop(address.normalised);
    const leadsTo = named.isHere ? await targetOf(context, named.address) : null;
    // A target here must exist already, so no chain of aliases can come back to an address that does not.
    if (named.isHere && leadsTo === null) throw noSuchAddress(named.address.normalised);
    return { ...named, leadsTo };
  });
  const targets = [...new Set(found.map(({ text }) => text))];
  const elsewhere = targets.filter((text) => found.some((each) => each.text === text && !each.isHere));
  if (type === 'forward') return { target: { type, targets, keepIn }, elsewhere };
  const only = targets.length === 1 ? (found[0]?.leadsTo ?? null) : null;
  if (only?.type === 'mailbox') return { target: { ...only, primary: false }, elsewhere };
  return { target: { type, targets }, elsewhere };
}

/** The mailbox that gets mail of it at once, if there is one, says from then on when it is full. */
async function tellMailbox(
  context: AdminContext,
  target: AddressTarget | null,
  kind: 'addAddress' | 'removeAddress',
  address: Address,
): Promise<void> {
  const mailboxId = target === null ? null : mailboxBehind(target);
  if (mailboxId !== null) await ask(context, mailboxes.ref(mailboxId), { kind, address: address.normalised });
}

export interface ListedAddress {
  readonly address: string;
  readonly type: 'account' | 'alias' | 'forward' | 'unfinished';
  /** Addresses; none for an account's own, which leads to its mailbox. */
  readonly targets: readonly string[];
  /** Of a forward: the account that keeps a copy. */
  readonly keptBy: string | null;
}

export const addressList = adminRow({
  name: 'address-list',
  permission: 'address.read',
  summary: 'List addresses',
  args: listArgs,
  async run(context, args) {
    const { entries, next } = await listPage(context, args);
    return {
      addresses: await mapBounded(entries, lookupsAtOnceMax, ({ address }) => listedAddress(context, address)),
      next,
    };
  },
});

async function listedAddress(context: AdminContext, text: string): Promise<ListedAddress> {
  const target = await targetOf(context, parseAddress(text));
  const row = { address: text, targets: [], keptBy: null };
  if (target === null) return { ...row, type: 'unfinished' };
  if (target.type === 'alias') return { ...row, type: 'alias', targets: target.targets };
  if (target.type === 'forward') {
    const keptBy = target.keepIn === null ? null : await holderOf(context, target.keepIn);
    return { ...row, type: 'forward', targets: target.targets, keptBy };
  }
  if (target.primary) return { ...row, type: 'account' };
  return { ...row, type: 'alias', targets: [await addressOf(context, target.accountId)] };
}

/** The address of the account whose mailbox it is; null when it is gone. */
async function holderOf(context: AdminContext, mailboxId: string): Promise<string | null> {
  const { accountId } = await query(context, mailboxes.ref(mailboxId), { kind: 'summary' });
  return accountId === null ? null : await addressOf(context, accountId);
}

async function addressOf(context: AdminContext, accountId: string): Promise<string> {
  return (await query(context, accounts.ref(accountId), { kind: 'facts' })).address;
}

export const addressRemove = adminRow({
  name: 'address-remove',
  permission: 'address.write',
  summary: 'Remove an address; mail to it is refused from then on',
  args: z.strictObject({ address: z.string() }),
  async run(context, args) {
    const address = parseAddress(args.address);
    const [entry, target] = await Promise.all([findEntry(context, address), targetOf(context, address)]);
    if (entry === null && target === null) throw noSuchAddress(address.normalised);
    const isPrimary = target?.type === 'mailbox' && target.primary;
    if (entry?.type === 'account' || isPrimary) throw isAccountAddress(address.normalised);
    await ask(context, addresses.ref(address.normalised), { kind: 'release' });
    await tellMailbox(context, target, 'removeAddress', address);
    // Last, so that an interrupted removal still finds it.
    const forget = { kind: 'forget', address: address.normalised } as const;
    await ask(context, localDomains.ref(address.domain), forget);
    return { address: address.normalised, removed: true };
  },
});

export const addressAdmin = [addressAdd, addressList, addressRemove];
