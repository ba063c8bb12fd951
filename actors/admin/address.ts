/** `ringpost address …`: further addresses of an account, and aliases of several. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { accounts } from '../account/protocol.ts';
import { addresses, type AddressTarget } from '../address/protocol.ts';
import { localDomains } from '../local-domain/protocol.ts';
import { type Address, parseAddress } from '../mail/address.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import { mapBounded } from './bounded.ts';
import { addressTaken, aliasLoop, isAccountAddress, noSuchAddress, remoteTargetUnsupported } from './codes.ts';
import { ask, query, domainPolicy, findEntry, listArgs, listPage, requireDomain, targetOf } from './directory.ts';

/** A list that is longer is a mailing list, which is another thing. */
const targetsMax = 100;
const lookupsAtOnceMax = 32;
const pageAddresses = 500;

const addressAdd = adminRow({
  name: 'address-add',
  permission: 'address.write',
  summary: 'Add an address that leads to an account, or to several addresses',
  args: z.strictObject({ address: z.string(), targets: z.array(z.string()).min(1).max(targetsMax) }),
  async run(context, args) {
    const address = parseAddress(args.address);
    await requireDomain(context, address.domain);
    const target = await checkedTarget(context, address, args.targets);
    // Reserved as an alias: an entry of type account would get a mailbox of its own.
    const reserve = { kind: 'reserve', address: address.normalised, type: 'alias' } as const;
    const { entry } = await ask(context, localDomains.ref(address.domain), reserve);
    if (entry.type === 'account') throw addressTaken(address.normalised);
    const claim = { kind: 'claim', target } as const;
    const { created } = await ask(context, addresses.ref(address.normalised), claim);
    // Behind the claim, since it tells the address at once when the mailbox is full; also on a repetition.
    if (target.type === 'mailbox') await tellMailbox(context, target.mailboxId, 'addAddress', address);
    // Again: a removal of an account that passed by meanwhile took it for a stray (`account-life.ts`).
    await ask(context, localDomains.ref(address.domain), reserve);
    return { address: address.normalised, created, targets: args.targets };
  },
});

/** @throws {OperationError} `remoteTargetUnsupported`, `noSuchAddress`, `aliasLoop` */
async function checkedTarget(
  context: AdminContext,
  address: Address,
  texts: readonly string[],
): Promise<AddressTarget> {
  const targets = texts.map(parseAddress);
  const found = await mapBounded(targets, lookupsAtOnceMax, async (target) => {
    if (target.normalised === address.normalised) throw aliasLoop(address.normalised);
    if ((await domainPolicy(context, target.domain)) === null)
      throw remoteTargetUnsupported(target.normalised, target.domain);
    const leadsTo = await targetOf(context, target);
    // A target must exist already, so no chain of aliases can come back to an address that does not.
    if (leadsTo === null) throw noSuchAddress(target.normalised);
    return leadsTo;
  });
  const [only] = found;
  if (found.length === 1 && only?.type === 'mailbox') return { ...only, primary: false };
  return { type: 'alias', targets: [...new Set(targets.map((target) => target.normalised))] };
}

async function tellMailbox(
  context: AdminContext,
  mailboxId: string,
  kind: 'addAddress' | 'removeAddress',
  address: Address,
): Promise<void> {
  await ask(context, mailboxes.ref(mailboxId), { kind, address: address.normalised });
}

export interface ListedAddress {
  readonly address: string;
  readonly type: 'account' | 'alias' | 'forward' | 'unfinished';
  /** Addresses; none for an account's own, which leads to its mailbox. */
  readonly targets: readonly string[];
}

const addressList = adminRow({
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
  if (target === null) return { address: text, type: 'unfinished', targets: [] };
  if (target.type !== 'mailbox') return { address: text, type: target.type, targets: target.targets };
  if (target.primary) return { address: text, type: 'account', targets: [] };
  const account = await query(context, accounts.ref(target.accountId), { kind: 'facts' });
  return { address: text, type: 'alias', targets: [account.address] };
}

const addressRemove = adminRow({
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
    if (target?.type === 'mailbox') await tellMailbox(context, target.mailboxId, 'removeAddress', address);
    // Last, so that an interrupted removal still finds it.
    const forget = { kind: 'forget', address: address.normalised } as const;
    await ask(context, localDomains.ref(address.domain), forget);
    return { address: address.normalised, removed: true };
  },
});

export const addressAdmin = [addressAdd, addressList, addressRemove];

async function* allAddresses(cli: Cli, domain: string | null): AsyncGenerator<ListedAddress, void, undefined> {
  let after: { domain: string; address: string | null } | null = null;
  do {
    const page: Awaited<ReturnType<typeof addressList.handle>> = await cli.node.call(addressList, {
      domain,
      after,
      limit: pageAddresses,
    });
    yield* page.addresses;
    after = page.next;
  } while (after !== null);
}

export const addressCli: readonly CliRow[] = [
  {
    name: 'address add',
    permission: addressAdd.permission,
    summary: addressAdd.summary,
    details:
      'With one target that is an account it is a further address of it, with several an alias of them all.\n' +
      'Targets must be addresses of this server: this version sends no mail out.',
    args: [{ name: '<address>', summary: 'the new address' }],
    options: [{ flags: '--to <targets...>', summary: 'where mail to it goes', isRepeatable: true }],
    examples: [
      'ringpost address add info@example.org --to ann@example.org',
      'ringpost address add team@example.org --to ann@example.org bob@example.org',
    ],
    needs: 'node',
    async run(cli, input) {
      const targets = [...input.options('to')];
      if (targets.length === 0) throw wrongUsage('say where its mail goes: --to ADDRESS');
      const answer = await cli.node.call(addressAdd, { address: input.argument('address'), targets });
      await cli.print(answer, (done) =>
        done.created
          ? `Mail to ${done.address} goes to ${done.targets.join(', ')} from now on.`
          : `${done.address} led there already; nothing changed.`,
      );
    },
  },
  {
    name: 'address list',
    permission: addressList.permission,
    summary: addressList.summary,
    args: [{ name: '[domain]', summary: 'only those of one domain' }],
    examples: ['ringpost address list', 'ringpost address list example.org --json'],
    needs: 'node',
    async run(cli, input) {
      await cli.printList({
        rows: allAddresses(cli, input.argumentOr('domain', null)),
        columns: [
          { title: 'ADDRESS', cell: (row) => row.address },
          { title: 'TYPE', cell: (row) => row.type },
          { title: 'LEADS TO', cell: (row) => (row.type === 'account' ? 'its mailbox' : row.targets.join(', ')) },
        ],
        empty: 'No addresses. Next: ringpost account add ADDRESS',
      });
    },
  },
  {
    name: 'address remove',
    permission: addressRemove.permission,
    summary: addressRemove.summary,
    args: [{ name: '<address>', summary: "a further address or an alias; an account's own goes with the account" }],
    examples: ['ringpost address remove info@example.org'],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(addressRemove, { address: input.argument('address') });
      await cli.print(answer, ({ address }) => `Mail to ${address} is refused from now on.`);
    },
  },
];
