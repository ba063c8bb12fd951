/** The table of the mail subcommands, in the order in which help shows them, and what their nouns are. */
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { accountCli } from './account.ts';
import { accountImportCli } from './account-import.ts';
import { addressCli } from './address.ts';
import { deadLettersCli } from './dead-letters.ts';
import { domainCli } from './domain.ts';
import { mailboxCli } from './mailbox.ts';
import { mailboxExportCli } from './mailbox-export.ts';
import { mailboxImportCli } from './mailbox-import.ts';
import { settingsCli } from './settings.ts';
import { statusCli } from './status.ts';
import { traceCli } from './trace.ts';

export const mailCliRows: readonly CliRow[] = [
  ...statusCli,
  ...settingsCli,
  ...domainCli,
  ...accountCli,
  ...accountImportCli,
  ...addressCli,
  ...mailboxCli,
  ...mailboxImportCli,
  ...mailboxExportCli,
  ...traceCli,
  ...deadLettersCli,
];

export const mailNouns: ReadonlyMap<string, string> = new Map([
  ['domain', 'domains that this server receives mail for: add, set, list, remove'],
  ['account', 'who has mail here and may log in: add, list, passwd, disable, enable, remove, import'],
  ['address', 'further addresses and aliases: add, list, remove'],
  ['mailbox', 'the mail itself: list, show, folders, quota, import, export'],
  ['dead-letters', 'what failed for good and waits for a decision: list, retry, drop'],
]);
