/** The table of servers that a scenario can load. */
import { startBare } from './bare.ts';
import { startPostfix } from './postfix.ts';
import { startRingpost } from './ringpost.ts';
import type { ServerName, StartServer } from './server.ts';

export const servers: Readonly<Record<ServerName, StartServer>> = {
  ringpost: startRingpost,
  postfix: startPostfix,
  bare: startBare,
};
