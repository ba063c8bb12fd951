/**
 * Rows of the admin API for what the log and its copies say of themselves: the node's core answers (`core.inspect`), and
 * whoever reads the answer knows what it means. They stand here because the HTTP edge serves them and knows no cluster, and
 * the cluster's subcommands ask them and know no edge.
 */
import { z } from 'zod';
import { adminRow } from './admin-row.ts';

/** As the cluster bounds it. */
const expiresMsMax = 30 * 24 * 3_600_000;

/** Answers a `ClusterReport` (`cluster/report.ts`). */
export const clusterReport = adminRow({
  name: 'cluster-report',
  permission: 'cluster.read',
  summary: 'Say how the cluster is, as this node sees it',
  args: z.strictObject({}),
  run: ({ core }) => core.inspect('cluster'),
});

/** Answers a `MadeToken` (`cluster/report.ts`). */
export const joinTokenCreate = adminRow({
  name: 'join-token-create',
  permission: 'cluster.write',
  summary: 'Make a token by which a new node joins the cluster',
  args: z.strictObject({ expiresInMs: z.int().min(1).max(expiresMsMax) }),
  run: ({ core }, { expiresInMs }) => core.inspect('createJoinToken', { expiresInMs }),
});

export const coreRows = [clusterReport, joinTokenCreate];
