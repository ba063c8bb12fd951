/** `ringpost token …`: what a program logs in with, to the HTTP API or in the place of a password. */
import { z } from 'zod';
import { refused } from '../../runtime/base/errors.ts';
import { parseDuration } from '../../runtime/base/durations.ts';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { formatTime } from '../../runtime/cli/units.ts';
import { accounts, type ListedCredential } from '../account/protocol.ts';
import { formatToken, hashTokenSecret, newTokenSecret } from '../account/token.ts';
import { accountOf, ask, query } from './directory.ts';

const scopes = ['api', 'submit', 'mail', 'all'] as const;
const scopeOption = scopes.join('|');
/** Ten years: beyond it, leave it out. */
const expiresMsMax = 3_653 * 24 * 3_600_000;

const tokenCreate = adminRow({
  name: 'token-create',
  permission: 'account.write',
  summary: 'Make a token by which a program logs in to an account',
  args: z.strictObject({
    address: z.string(),
    scope: z.enum(scopes),
    label: z.string().max(200),
    /** Null: never. */
    expiresInMs: z.int().min(1).max(expiresMsMax).nullable(),
  }),
  async run(context, { address: text, scope, label, expiresInMs }) {
    const { accountId, address } = await accountOf(context, text);
    const secret = newTokenSecret(context.random);
    const expiresMs = expiresInMs === null ? null : context.clock.nowMs() + expiresInMs;
    const credential = { kind: 'token', label, scopes: [scope], hash: hashTokenSecret(secret), expiresMs } as const;
    const add = { kind: 'addCredential', credential, replaceKind: false } as const;
    const { credentialId } = await ask(context, accounts.ref(accountId), add);
    const token = formatToken({ accountId, credentialId, secret });
    return { address: address.normalised, id: credentialId, scope, label, expiresAtMs: expiresMs, token };
  },
});

export interface ListedToken {
  readonly id: string;
  readonly label: string;
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly isExpired: boolean;
}

async function tokensOf(context: AdminContext, accountId: string): Promise<readonly ListedCredential[]> {
  const credentials = await query(context, accounts.ref(accountId), { kind: 'credentialList' });
  return credentials.filter(({ kind }) => kind === 'token');
}

const tokenList = adminRow({
  name: 'token-list',
  permission: 'account.read',
  summary: 'List the tokens of an account',
  args: z.strictObject({ address: z.string() }),
  async run(context, { address }): Promise<readonly ListedToken[]> {
    const { accountId } = await accountOf(context, address);
    const nowMs = context.clock.nowMs();
    const tokens = await tokensOf(context, accountId);
    return tokens.map(({ id, label, scopes, createdMs, expiresMs }) => ({
      ...{ id, label, scopes, createdAtMs: createdMs, expiresAtMs: expiresMs },
      isExpired: expiresMs !== null && expiresMs <= nowMs,
    }));
  },
});

const tokenRevoke = adminRow({
  name: 'token-revoke',
  permission: 'account.write',
  summary: 'Revoke a token, which stops working at once',
  args: z.strictObject({ address: z.string(), id: z.string().min(1).max(100) }),
  async run(context, { address: text, id }) {
    const { accountId, address } = await accountOf(context, text);
    const tokens = await tokensOf(context, accountId);
    // A password is not to be removed by this.
    if (!tokens.some((token) => token.id === id)) throw noSuchToken(id, address.normalised);
    await ask(context, accounts.ref(accountId), { kind: 'removeCredential', credentialId: id });
    return { address: address.normalised, id };
  },
});

export const tokenAdmin = [tokenCreate, tokenList, tokenRevoke];

const noSuchToken = (id: string, address: string) =>
  refused('noSuchToken', `${address} has no token ${id}. Cure: ringpost token list ${address} shows the ids`);

const address = { name: '<address>', summary: 'of the account, e.g. ann@example.org' };
const expiryOf = (expiresAtMs: number | null): string => (expiresAtMs === null ? 'never' : formatTime(expiresAtMs));

const create: CliRow = {
  name: 'token create',
  permission: tokenCreate.permission,
  summary: tokenCreate.summary,
  details:
    'The token is shown only now: nobody can read it back. Scopes: submit sends mail, mail reads the mailbox, api does both ' +
    'over HTTP, all does everything that a password does.',
  args: [address],
  options: [
    { flags: '--scope <scope>', summary: `${scopeOption} (api)` },
    { flags: '--label <text>', summary: 'what it is for, to know it again by' },
    { flags: '--expires <duration>', summary: 'how long it works, e.g. 90d; for ever when left out' },
  ],
  examples: [
    'ringpost token create ann@example.org',
    'ringpost token create shop@example.org --scope submit --label "order mails" --expires 90d',
  ],
  needs: 'node',
  async run(cli, input) {
    const scope = scopes.find((one) => one === (input.option('scope') ?? 'api'));
    if (scope === undefined) throw wrongUsage(`--scope is one of ${scopeOption}, not "${input.option('scope')}"`);
    const expires = input.option('expires');
    const expiresInMs = expires === null ? null : parseDuration(expires);
    if (expires !== null && (expiresInMs === null || expiresInMs === 0)) {
      throw wrongUsage(`--expires is a duration such as 90d or 12h, not "${expires}"`);
    }
    const label = input.option('label') ?? '';
    const made = await cli.node.call(tokenCreate, { address: input.argument('address'), scope, label, expiresInMs });
    await cli.print(made, ({ token, expiresAtMs }) => `${token}\nShown only now. Expires: ${expiryOf(expiresAtMs)}`);
  },
};

const list: CliRow = {
  name: 'token list',
  permission: tokenList.permission,
  summary: tokenList.summary,
  args: [address],
  examples: ['ringpost token list ann@example.org'],
  needs: 'node',
  async run(cli, input) {
    const rows = await cli.node.call(tokenList, { address: input.argument('address') });
    await cli.printList({
      rows,
      columns: [
        { title: 'ID', cell: (row) => row.id },
        { title: 'SCOPE', cell: (row) => row.scopes.join(' ') },
        { title: 'CREATED', cell: (row) => formatTime(row.createdAtMs) },
        { title: 'EXPIRES', cell: (row) => `${expiryOf(row.expiresAtMs)}${row.isExpired ? ' (expired)' : ''}` },
        { title: 'LABEL', cell: (row) => row.label },
      ],
      json: ({ createdAtMs, expiresAtMs, ...row }) => ({
        ...row,
        createdAt: formatTime(createdAtMs),
        expiresAt: expiresAtMs === null ? null : formatTime(expiresAtMs),
      }),
      empty: 'No tokens. Next: ringpost token create ADDRESS',
    });
  },
};

const revoke: CliRow = {
  name: 'token revoke',
  permission: tokenRevoke.permission,
  summary: tokenRevoke.summary,
  args: [address, { name: '<id>', summary: 'as token list shows it' }],
  examples: ['ringpost token revoke ann@example.org 01k9zq2v7h3m5n8p4r6s1t0w2x'],
  needs: 'node',
  async run(cli, input) {
    const args = { address: input.argument('address'), id: input.argument('id') };
    await cli.print(await cli.node.call(tokenRevoke, args), ({ id }) => `The token ${id} works no more.`);
  },
};

export const tokenCli: readonly CliRow[] = [create, list, revoke];
