/** What the admin API does with accounts. The command line's half is `account.ts`, the steps are `account-life.ts`. */
import { z } from 'zod';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import { type ErrorData, errorData } from '../../runtime/base/errors.ts';
import { randomText } from '../../runtime/base/ids.ts';
import type { Random } from '../../runtime/base/random.ts';
import { accounts } from '../account/protocol.ts';
import { parseAddress } from '../mail/address.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import { addAccount, passwordCredential, removeAccount } from './account-life.ts';
import { mapBounded } from './bounded.ts';
import { emptyPassword } from './codes.ts';
import { accountOf, ask, listArgs, listPage, query, requireDomain, settingOf, targetOf } from './directory.ts';

/** Accounts of one call that are made, or looked at, at the same time. */
const accountsAtOnceMax = 64;

const password = z.string().max(1_024).nullable();

/** Four groups of five letters and digits, none of which looks like another: 100 bits, easy to read aloud. */
export function readablePassword(random: Random): string {
  return (randomText(random, 20).match(/.{5}/g) as string[]).join('-');
}

export const accountAdd = adminRow({
  name: 'account-add',
  permission: 'account.write',
  summary: 'Make an account with its mailbox and address',
  args: z.strictObject({
    address: z.string(),
    password,
    displayName: z.string().max(200),
    quotaBytes: z.int().min(0).nullable(),
  }),
  async run(context, args) {
    const address = parseAddress(args.address);
    await requireDomain(context, address.domain);
    const { plain, isGenerated } = chosenPassword(context, args.password);
    const passwordHash = await context.hashPassword(plain);
    const quotaBytes = args.quotaBytes ?? (await defaultQuotaBytes(context));
    const made = await addAccount(context, { address, displayName: args.displayName, passwordHash, quotaBytes });
    return { ...made, generatedPassword: isGenerated ? plain : null };
  },
});

function chosenPassword(context: AdminContext, given: string | null) {
  if (given === '') throw emptyPassword();
  return { plain: given ?? readablePassword(context.random), isGenerated: given === null };
}

/** Of a mailbox for which nobody said otherwise; 0: no limit. */
export async function defaultQuotaBytes(context: AdminContext): Promise<number> {
  return Number(await settingOf(context, 'mailbox.quotaBytes'));
}

export interface ListedAccount {
  readonly address: string;
  readonly accountId: string;
  readonly mailboxId: string;
  readonly displayName: string;
  /** `unfinished`: its addition or its removal was interrupted; repeat it. */
  readonly state: 'active' | 'disabled' | 'unfinished';
  readonly messages: number;
  readonly usedBytes: number;
  readonly quotaBytes: number;
  readonly createdAtMs: number;
}

export const accountList = adminRow({
  name: 'account-list',
  permission: 'account.read',
  summary: 'List accounts',
  args: listArgs,
  async run(context, args) {
    const { entries, next } = await listPage(context, args);
    const ofAccounts = entries.filter((entry) => entry.type === 'account');
    return {
      accounts: await mapBounded(ofAccounts, accountsAtOnceMax, (entry) => listedAccount(context, entry)),
      next,
    };
  },
});

interface AccountEntry {
  readonly address: string;
  readonly accountId: string | null;
  readonly mailboxId: string | null;
}

async function listedAccount(context: AdminContext, entry: AccountEntry): Promise<ListedAccount> {
  const accountId = entry.accountId ?? '';
  const [facts, summary, target] = await Promise.all([
    query(context, accounts.ref(accountId), { kind: 'facts' }),
    query(context, mailboxes.ref(entry.mailboxId ?? ''), { kind: 'summary' }),
    targetOf(context, parseAddress(entry.address)),
  ]);
  const { messages, usedBytes, quotaBytes } = summary;
  const state = target === null || !facts.exists ? 'unfinished' : facts.enabled ? 'active' : 'disabled';
  return {
    address: entry.address,
    accountId,
    mailboxId: entry.mailboxId ?? '',
    displayName: facts.displayName,
    state,
    messages,
    usedBytes,
    quotaBytes,
    createdAtMs: facts.createdMs,
  };
}

export const accountPasswd = adminRow({
  name: 'account-passwd',
  permission: 'account.write',
  summary: 'Give an account a new password',
  args: z.strictObject({ address: z.string(), password }),
  async run(context, args) {
    const { accountId, address } = await accountOf(context, args.address);
    const { plain, isGenerated } = chosenPassword(context, args.password);
    const credential = passwordCredential(await context.hashPassword(plain));
    await ask(context, accounts.ref(accountId), { kind: 'addCredential', credential, replaceKind: true });
    return { address: address.normalised, generatedPassword: isGenerated ? plain : null };
  },
});

export const accountEnable = adminRow({
  name: 'account-enable',
  permission: 'account.write',
  summary: 'Let an account log in, or not',
  args: z.strictObject({ address: z.string(), enabled: z.boolean() }),
  async run(context, { address: text, enabled }) {
    const { accountId, address } = await accountOf(context, text);
    await ask(context, accounts.ref(accountId), { kind: 'setEnabled', enabled });
    return { address: address.normalised, enabled };
  },
});

export const accountRemove = adminRow({
  name: 'account-remove',
  permission: 'account.write',
  summary: 'Remove an account with all its mail and addresses',
  args: z.strictObject({ address: z.string() }),
  run: (context, { address }) => removeAccount(context, address),
});

export interface ImportOutcome {
  readonly created: number;
  readonly existed: number;
  readonly failed: readonly { readonly address: string; readonly error: ErrorData }[];
}

export const accountImport = adminRow({
  name: 'account-import',
  permission: 'account.write',
  summary: 'Make many accounts',
  args: z.strictObject({
    accounts: z
      .array(z.strictObject({ address: z.string(), passwordHash: z.string().max(1_024).nullable().default(null) }))
      .min(1)
      .max(1_000),
  }),
  async run(context, args): Promise<ImportOutcome> {
    const quotaBytes = await defaultQuotaBytes(context);
    const domains = new Map<string, Promise<unknown>>();
    const outcomes = await mapBounded(args.accounts, accountsAtOnceMax, async ({ address: text, passwordHash }) => {
      try {
        const address = parseAddress(text);
        if (passwordHash !== null) context.checkPasswordHash(passwordHash);
        const known = domains.get(address.domain) ?? requireDomain(context, address.domain);
        domains.set(address.domain, known);
        await known;
        await addAccount(context, { address, displayName: '', passwordHash, quotaBytes });
        return null;
      } catch (error) {
        return { address: text, error: errorData(error) };
      }
    });
    const failures = outcomes.filter((outcome) => outcome !== null);
    const failed = failures.filter(({ error }) => error.code !== 'accountExists');
    return { created: outcomes.length - failures.length, existed: failures.length - failed.length, failed };
  },
});

export const accountAdmin = [accountAdd, accountList, accountPasswd, accountEnable, accountRemove, accountImport];
