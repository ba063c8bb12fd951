/** The table of servers that a scenario can load. */
import { startBare } from './bare.ts';
import { startPostfix } from './postfix.ts';
import { startRingpost } from './ringpost.ts';
import { startRingpostCluster } from './ringpost-cluster.ts';
import type { ServerName, StartServer } from './server.ts';

export const servers: Readonly<Record<ServerName, StartServer>> = {
  ringpost: (options) =>
    options.nodes === undefined ? startRingpost(options) : startRingpostCluster(options, options.nodes),
  postfix: startPostfix,
  bare: startBare,
};
