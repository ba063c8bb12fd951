/** Servers for the length of a measurement, each in a directory of its own, and never left behind. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ProcessCost, processTreeCost, totalCost } from '../measure/processes.ts';
import type { OutboundOptions } from '../peers/outbound.ts';
import { servers } from '../peers/peers.ts';
import type { RunningServer, ServerName } from '../peers/server.ts';
import type { Settings } from '../settings.ts';

/** A new, empty directory for one server. */
export function makeDataDir(settings: Settings, name: ServerName): string {
  return mkdtempSync(join(settings.root, `ringpost-bench-${name}-`));
}

export function removeDataDir(settings: Settings, directory: string): void {
  if (!settings.keeps) rmSync(directory, { recursive: true, force: true });
}

/** Of each of its processes; with their descendants, in the order of `nodes`. */
export function costsOf(server: RunningServer): readonly ProcessCost[] {
  return server.rootPids.map(processTreeCost);
}

export function costOf(server: RunningServer): ProcessCost {
  return totalCost(costsOf(server));
}

/**
 * Runs `use` with a new server, and ends it whatever happens. Ours is a cluster when `settings.nodes` begins with more than 1.
 * @param outbound given: it shall also send mail out
 */
export async function withServer<T>(
  settings: Settings,
  name: ServerName,
  accounts: number,
  use: (server: RunningServer) => Promise<T>,
  outbound?: OutboundOptions,
): Promise<T> {
  const dataDir = makeDataDir(settings, name);
  const [nodes = 1] = settings.nodes;
  try {
    const server = await servers[name]({
      ...{ dataDir, accounts, sets: settings.sets },
      ...(nodes > 1 ? { nodes } : {}),
      ...(outbound === undefined ? {} : { outbound }),
    });
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  } finally {
    removeDataDir(settings, dataDir);
  }
}

/** As `withServer`, with several at once: in rounds they are under load one after another. */
export async function withServers<T>(
  settings: Settings,
  names: readonly ServerName[],
  accounts: number,
  use: (running: readonly RunningServer[]) => Promise<T>,
  outbound?: OutboundOptions,
): Promise<T> {
  const [first, ...others] = names;
  if (first === undefined) return use([]);
  const useAll = (server: RunningServer): Promise<T> =>
    withServers(settings, others, accounts, (running) => use([server, ...running]), outbound);
  return withServer(settings, first, accounts, useAll, outbound);
}

/** Writes out what a round left in the page cache, so that the next server does not pay for it. */
export async function syncDisks(): Promise<void> {
  await promisify(execFile)('sync');
}

/** `name version`, each once. */
export function serverLabel(server: Pick<RunningServer, 'name' | 'version'>): string {
  return `${server.name} ${server.version}`;
}
