/** The table of scenarios. To add one: a file here, and a row. */
import { accountsScale } from './accounts-scale.ts';
import { idleConnections } from './idle-connections.ts';
import { mailboxScale } from './mailbox-scale.ts';
import { restart } from './restart.ts';
import type { Scenario } from './scenario.ts';
import { smtpIn } from './smtp-in.ts';

export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['smtp-in', smtpIn],
  ['mailbox-scale', mailboxScale],
  ['accounts-scale', accountsScale],
  ['restart', restart],
  ['idle-connections', idleConnections],
]);
