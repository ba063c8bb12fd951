/** The table of scenarios. To add one: a file here, and a row. */
import { accountsScale } from './accounts-scale.ts';
import { clusterIdle } from './cluster-idle.ts';
import { clusterLatency } from './cluster-latency.ts';
import { clusterScaling } from './cluster-scaling.ts';
import { idleConnections } from './idle-connections.ts';
import { idleGroups } from './idle-groups.ts';
import { mailboxScale } from './mailbox-scale.ts';
import { queueScale } from './queue-scale.ts';
import { restart } from './restart.ts';
import type { Scenario } from './scenario.ts';
import { smtpIn } from './smtp-in.ts';
import { smtpOut } from './smtp-out.ts';

export const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['smtp-in', smtpIn],
  ['smtp-out', smtpOut],
  ['mailbox-scale', mailboxScale],
  ['accounts-scale', accountsScale],
  ['restart', restart],
  ['queue-scale', queueScale],
  ['idle-connections', idleConnections],
  ['idle-groups', idleGroups],
  ['cluster-latency', clusterLatency],
  ['cluster-scaling', clusterScaling],
  ['cluster-idle', clusterIdle],
]);
