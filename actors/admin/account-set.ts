/** `ringpost account set`: how an account is served. */
import { z } from 'zod';
import { adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { accounts } from '../account/protocol.ts';
import { accountOf, ask } from './directory.ts';

const accountSet = adminRow({
  name: 'account-set',
  permission: 'account.write',
  summary: 'Change how an account is served',
  args: z.strictObject({ address: z.string(), savesSent: z.boolean() }),
  async run(context, { address, savesSent }) {
    const { accountId, address: found } = await accountOf(context, address);
    await ask(context, accounts.ref(accountId), { kind: 'setSavesSent', savesSent });
    return { address: found.normalised, savesSent };
  },
});

export const accountSetAdmin = [accountSet];

export const accountSetCli: readonly CliRow[] = [
  {
    name: 'account set',
    permission: accountSet.permission,
    summary: accountSet.summary,
    details: 'A mail program that keeps its own copy of what it sends would otherwise have each mail in Sent twice.',
    args: [{ name: '<address>', summary: 'e.g. ann@example.org' }],
    options: [
      { flags: '--save-sent <on|off>', summary: 'keep a copy of each mail that it submits in its folder Sent' },
    ],
    examples: ['ringpost account set ann@example.org --save-sent on'],
    needs: 'node',
    async run(cli, input) {
      const given = input.option('save-sent');
      if (given !== 'on' && given !== 'off') throw wrongUsage('say what to change: --save-sent on, or --save-sent off');
      const args = { address: input.argument('address'), savesSent: given === 'on' };
      await cli.print(await cli.node.call(accountSet, args), ({ address, savesSent }) =>
        savesSent
          ? `A copy of each mail that ${address} submits is kept in its folder Sent from now on.`
          : `Mail that ${address} submits is not kept in its folder Sent from now on.`,
      );
    },
  },
];
