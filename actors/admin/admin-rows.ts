/** The table of all that a node's admin API can be asked about mail. To add something, add a row to a noun's file. */
import type { AdminRow } from '../../runtime/cli/admin-row.ts';
import { accountAdmin } from './account-admin.ts';
import { addressAdmin } from './address.ts';
import { deadLettersAdmin } from './dead-letters.ts';
import { domainAdmin } from './domain.ts';
import { mailboxAdmin } from './mailbox.ts';
import { mailboxExport, mailboxImport } from './mailbox-transfer.ts';
import { settingsAdmin } from './settings.ts';
import { statusAdmin } from './status.ts';
import { traceAdmin } from './trace.ts';

export const adminRows: readonly AdminRow[] = [
  ...statusAdmin,
  ...settingsAdmin,
  ...domainAdmin,
  ...accountAdmin,
  ...addressAdmin,
  ...mailboxAdmin,
  mailboxImport,
  mailboxExport,
  ...traceAdmin,
  ...deadLettersAdmin,
];
