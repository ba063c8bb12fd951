/** The load that the scenarios about a cluster have in common, and what they wait for before it counts. */
import { benchAddresses } from '../load/recipients.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Settings } from '../settings.ts';
import { runRound } from './round.ts';

export function clusterLoad(settings: Settings) {
  return {
    sessions: settings.sessions[0] ?? 50,
    sizeBytes: (settings.sizesKib[0] ?? 10) * 1024,
    mode: settings.modes[0] ?? 'open',
    seconds: settings.seconds,
    warmupSeconds: settings.warmupSeconds,
    recipients: benchAddresses(settings.recipients),
    pick: settings.pick,
  } as const;
}

/** New processes compile what they run, and new connections begin slowly. */
export const warmSeconds = 5;

export async function warmUp(settings: Settings, server: RunningServer): Promise<void> {
  await runRound(server, { ...clusterLoad(settings), seconds: warmSeconds, warmupSeconds: 0 });
}
