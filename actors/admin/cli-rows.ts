/** The table of the mail subcommands, in the order in which help shows them, and what their nouns are. */
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { accountCli } from './account.ts';
import { accountImportCli } from './account-import.ts';
import { accountSetCli } from './account-set.ts';
import { addressCli } from './address.ts';
import { deadLettersCli } from './dead-letters.ts';
import { dkimCli } from './dkim.ts';
import { dnsCli } from './dns.ts';
import { domainCli } from './domain.ts';
import { mailboxCli } from './mailbox.ts';
import { mailboxExportCli } from './mailbox-export.ts';
import { mailboxImportCli } from './mailbox-import.ts';
import { queueCli } from './queue.ts';
import { queueControlCli } from './queue-control.ts';
import { sendCli } from './send.ts';
import { settingsCli } from './settings.ts';
import { statusCli } from './status.ts';
import { tokenCli } from './token.ts';
import { traceCli } from './trace.ts';

export const mailCliRows: readonly CliRow[] = [
  ...statusCli,
  ...settingsCli,
  ...domainCli,
  ...dnsCli,
  ...dkimCli,
  ...accountCli,
  ...accountSetCli,
  ...accountImportCli,
  ...addressCli,
  ...tokenCli,
  ...mailboxCli,
  ...mailboxImportCli,
  ...mailboxExportCli,
  ...sendCli,
  ...queueCli,
  ...queueControlCli,
  ...traceCli,
  ...deadLettersCli,
];

export const mailNouns: ReadonlyMap<string, string> = new Map([
  ['domain', 'domains that this server receives mail for: add, set, list, remove'],
  ['dkim', 'the keys that mail of a domain is signed with: list, rotate, activate, retire, remove'],
  ['account', 'who has mail here and may log in: add, list, passwd, set, disable, enable, remove, import'],
  ['token', 'what programs log in with: create, list, revoke'],
  ['address', 'further addresses, aliases and forwards: add, list, remove'],
  ['mailbox', 'the mail itself: list, show, folders, quota, import, export'],
  [
    'queue',
    'mail that waits for other servers: list, show, domains, in-doubt, pause, resume, retry, hold, release, drop, undrop, reroute',
  ],
  ['dead-letters', 'what failed for good and waits for a decision: list, retry, drop'],
]);
