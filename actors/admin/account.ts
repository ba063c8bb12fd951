/** `ringpost account …`: who has mail here and may log in. */
import { refused } from '../../runtime/base/errors.ts';
import { formatSize, parseSize } from '../../runtime/base/sizes.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import type { Input } from '../../runtime/cli/input.ts';
import { isConfirmed, readSecret } from '../../runtime/cli/io.ts';
import { formatCount, formatPlural, formatTime } from '../../runtime/cli/units.ts';
import {
  accountAdd,
  accountEnable,
  accountList,
  accountPasswd,
  accountRemove,
  type ListedAccount,
} from './account-admin.ts';

const address = { name: '<address>', summary: 'e.g. ann@example.org' };
const passwordOptions = [
  { flags: '--password-stdin', summary: 'read the password from standard input; otherwise one is made and printed' },
];
/** Below this a password is taken, with a word of warning. */
const passwordCharactersAdvised = 8;
const pageAccounts = 500;

async function givenPassword(cli: Cli, input: Input): Promise<string | null> {
  if (!input.flag('password-stdin')) return null;
  const password = await readSecret(cli.io);
  if (password.length > 0 && password.length < passwordCharactersAdvised) {
    cli.note(`A password of fewer than ${passwordCharactersAdvised} characters is quickly guessed.`);
  }
  return password;
}

export function quotaOption(text: string | null): number | null {
  if (text === null) return null;
  const bytes = parseSize(text);
  if (bytes === null) throw wrongUsage(`"${text}" is no size; write 500M, 2G or none`);
  return bytes;
}

const passwordLine = (password: string | null): string =>
  password === null ? '' : `\nIts password, which is shown only now: ${password}`;

async function* allAccounts(cli: Cli, domain: string | null): AsyncGenerator<ListedAccount, void, undefined> {
  let after: { domain: string; address: string | null } | null = null;
  do {
    const page: Awaited<ReturnType<typeof accountList.handle>> = await cli.node.call(accountList, {
      domain,
      after,
      limit: pageAccounts,
    });
    yield* page.accounts;
    after = page.next;
  } while (after !== null);
}

const add: CliRow = {
  name: 'account add',
  permission: accountAdd.permission,
  summary: accountAdd.summary,
  details: 'When it is interrupted, repeat it: it goes on where it stopped.',
  args: [address],
  options: [
    ...passwordOptions,
    { flags: '--name <text>', summary: 'name to show beside the address' },
    { flags: '--quota <size>', summary: 'largest size of the mailbox, e.g. 2G, or none' },
  ],
  examples: [
    'ringpost account add ann@example.org',
    'ringpost account add ann@example.org --password-stdin --quota 2G < password.txt',
  ],
  needs: 'node',
  async run(cli, input) {
    const answer = await cli.node.call(accountAdd, {
      address: input.argument('address'),
      password: await givenPassword(cli, input),
      displayName: input.option('name') ?? '',
      quotaBytes: quotaOption(input.option('quota')),
    });
    await cli.print(answer, (made) => `${made.address} has an account.${passwordLine(made.generatedPassword)}`);
  },
};

const list: CliRow = {
  name: 'account list',
  permission: accountList.permission,
  summary: accountList.summary,
  options: [{ flags: '--domain <domain>', summary: 'only those of one domain' }],
  examples: ['ringpost account list', 'ringpost account list --domain example.org --json'],
  needs: 'node',
  async run(cli, input) {
    await cli.printList({
      rows: allAccounts(cli, input.option('domain')),
      columns: [
        { title: 'ADDRESS', cell: (row) => row.address },
        { title: 'STATE', cell: (row) => row.state },
        { title: 'MAILS', align: 'right', cell: (row) => formatCount(row.messages) },
        { title: 'SIZE', align: 'right', cell: (row) => formatSize(row.usedBytes) },
        { title: 'QUOTA', align: 'right', cell: (row) => (row.quotaBytes === 0 ? 'none' : formatSize(row.quotaBytes)) },
        { title: 'NAME', cell: (row) => row.displayName },
      ],
      json: ({ createdAtMs, ...row }) => ({ ...row, createdAt: formatTime(createdAtMs) }),
      empty: 'No accounts. Next: ringpost account add ADDRESS',
    });
  },
};

const passwd: CliRow = {
  name: 'account passwd',
  permission: accountPasswd.permission,
  summary: accountPasswd.summary,
  details: 'The old password stops working at once; app passwords and tokens go on.',
  args: [address],
  options: passwordOptions,
  examples: ['ringpost account passwd ann@example.org', 'ringpost account passwd ann@example.org --password-stdin'],
  needs: 'node',
  async run(cli, input) {
    const password = await givenPassword(cli, input);
    const answer = await cli.node.call(accountPasswd, { address: input.argument('address'), password });
    await cli.print(answer, (done) => `${done.address} has a new password.${passwordLine(done.generatedPassword)}`);
  },
};

const switching = (verb: 'enable' | 'disable', summary: string, result: string): CliRow => ({
  name: `account ${verb}`,
  permission: accountEnable.permission,
  summary,
  args: [address],
  examples: [`ringpost account ${verb} ann@example.org`],
  needs: 'node',
  async run(cli, input) {
    const args = { address: input.argument('address'), enabled: verb === 'enable' };
    await cli.print(await cli.node.call(accountEnable, args), (done) => `${done.address} ${result}`);
  },
});

const remove: CliRow = {
  name: 'account remove',
  permission: accountRemove.permission,
  summary: accountRemove.summary,
  details: 'There is no way back. To keep a copy: ringpost mailbox export. When it is interrupted, repeat it.',
  args: [address],
  options: [{ flags: '--yes', summary: 'do not ask on a terminal whether that is meant' }],
  examples: ['ringpost account remove ann@example.org'],
  needs: 'node',
  async run(cli, input) {
    const text = input.argument('address');
    const question = `This removes ${text} with all its mail, for good. To go on, type the address:`;
    if (!input.flag('yes') && !(await isConfirmed(cli.io, question, text))) {
      throw refused('notConfirmed', 'nothing was removed. Cure: type the address when asked, or say --yes');
    }
    const answer = await cli.node.call(accountRemove, { address: text });
    await cli.print(answer, (gone) => {
      const mails = formatPlural(gone.removedMessages, 'mail');
      const dangling = gone.danglingAliases.map((alias) => `\nThe alias ${alias} still names it.`).join('');
      return `${gone.releasedAddresses.join(', ')} and ${mails} are removed.${dangling}`;
    });
  },
};

export const accountCli: readonly CliRow[] = [
  add,
  list,
  passwd,
  switching(
    'disable',
    'Stop an account from logging in; mail still arrives',
    'can no longer log in; mail still arrives.',
  ),
  switching('enable', 'Let a disabled account log in again', 'can log in again.'),
  remove,
];
