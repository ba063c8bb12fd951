/** `ringpost address …`: further addresses of an account, aliases of several, forwards to elsewhere. */
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { addressAdd, addressList, addressRemove, type ListedAddress } from './address-admin.ts';

const pageAddresses = 500;

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
      '--to: with one account it is a further address of it, with several targets an alias of them all. --forward: mail\n' +
      'is sent on, with --keep also into the mailbox of an account here. Targets may be addresses of this server and of\n' +
      'others. What is sent on keeps its sender, who gets the reports; servers that check SPF may take it for forged.',
    args: [{ name: '<address>', summary: 'the new address' }],
    options: [
      { flags: '--to <targets...>', summary: 'where mail to it goes', isRepeatable: true },
      { flags: '--forward <targets...>', summary: 'where mail to it is sent on', isRepeatable: true },
      { flags: '--keep <account>', summary: 'with --forward: whose mailbox keeps a copy' },
    ],
    examples: [
      'ringpost address add info@example.org --to ann@example.org',
      'ringpost address add team@example.org --to ann@example.org bob@example.com',
      'ringpost address add sales@example.org --forward ann@example.com --keep ann@example.org',
    ],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(addressAdd, { address: input.argument('address'), ...whereItGoes(input) });
      await cli.print(answer, ({ address, created, targets, elsewhere }) => {
        if (!created) return `${address} led there already; nothing changed.`;
        const others = elsewhere.length === 0 ? '' : `\nAt other servers: ${elsewhere.join(', ')}`;
        return `Mail to ${address} goes to ${targets.join(', ')} from now on.${others}`;
      });
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
          { title: 'LEADS TO', cell: leadsTo },
        ],
        empty: 'No addresses. Next: ringpost account add ADDRESS',
      });
    },
  },
  {
    name: 'address remove',
    permission: addressRemove.permission,
    summary: addressRemove.summary,
    args: [
      {
        name: '<address>',
        summary: "a further address, an alias or a forward; an account's own goes with the account",
      },
    ],
    examples: ['ringpost address remove info@example.org'],
    needs: 'node',
    async run(cli, input) {
      const answer = await cli.node.call(addressRemove, { address: input.argument('address') });
      await cli.print(answer, ({ address }) => `Mail to ${address} is refused from now on.`);
    },
  },
];

function whereItGoes(input: Input) {
  const [to, forward, keep] = [input.options('to'), input.options('forward'), input.option('keep')];
  if (to.length > 0 && forward.length > 0) throw wrongUsage('--to or --forward, not both');
  if (keep !== null && forward.length === 0)
    throw wrongUsage('--keep is for --forward: --forward ADDRESS --keep ACCOUNT');
  const targets = [...to, ...forward];
  if (targets.length === 0) throw wrongUsage('say where its mail goes: --to ADDRESS or --forward ADDRESS');
  return { targets, type: forward.length > 0 ? 'forward' : 'alias', keep } as const;
}

function leadsTo({ type, targets, keptBy }: ListedAddress): string {
  if (type === 'account') return 'its mailbox';
  return targets.join(', ') + (keptBy === null ? '' : `, and a copy to ${keptBy}`);
}
