/** The table of all that a node's admin API can be asked. To add something, add a row to a noun's file. */
import type { AdminRow } from '../../runtime/cli/admin-row.ts';
import { coreRows } from '../../runtime/cli/core-rows.ts';
import { accountAdmin } from './account-admin.ts';
import { accountSetAdmin } from './account-set.ts';
import { addressAdmin } from './address-admin.ts';
import { deadLettersAdmin } from './dead-letters.ts';
import { dkimAdmin } from './dkim.ts';
import { dnsAdmin } from './dns.ts';
import { domainAdmin } from './domain.ts';
import { mailboxAdmin } from './mailbox.ts';
import { mailboxExport, mailboxImport } from './mailbox-transfer.ts';
import { queueAdmin } from './queue-admin.ts';
import { queueControlAdmin } from './queue-control.ts';
import { sendAdmin } from './send.ts';
import { settingsAdmin } from './settings.ts';
import { statusAdmin } from './status.ts';
import { tokenAdmin } from './token.ts';
import { traceAdmin } from './trace.ts';

export const adminRows: readonly AdminRow[] = [
  ...statusAdmin,
  ...settingsAdmin,
  ...domainAdmin,
  ...dkimAdmin,
  ...dnsAdmin,
  ...accountAdmin,
  ...accountSetAdmin,
  ...addressAdmin,
  ...tokenAdmin,
  ...mailboxAdmin,
  mailboxImport,
  mailboxExport,
  ...sendAdmin,
  ...queueAdmin,
  ...queueControlAdmin,
  ...traceAdmin,
  ...deadLettersAdmin,
  ...coreRows,
];
