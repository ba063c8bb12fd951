/**
 * `accounts-scale`: the same 1,000 active accounts, alone and among 100,000.
 *
 * Two nodes, one with the active accounts only and one with all, are loaded in alternating rounds; the active ones lie
 * spread among the others.
 */
import { benchAddresses } from '../load/recipients.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Settings } from '../settings.ts';
import { growthVerdicts, memoryVerdict, roundCells, roundHeads } from './growth.ts';
import { alternate, medianRound, runRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { serverLabel, withServer } from './servers.ts';

const activeMax = 1000;

export const accountsScale: Scenario = {
  what: 'cost of a mail to 1,000 active accounts, alone and among --accounts',
  defaults: { sessions: [10], sizesKib: [10], modes: ['open'] },
  run(settings, progress) {
    const active = Math.min(activeMax, settings.accounts);
    progress(`making ${active} and ${settings.accounts} accounts`);
    return withServer(settings, 'ringpost', active, (few) =>
      withServer(settings, 'ringpost', settings.accounts, async (many) => {
        progress('alternating rounds');
        const stride = Math.floor(settings.accounts / active);
        const [alone = [], among = []] = await alternate(settings.rounds, [
          loadOf(settings, few, benchAddresses(active)),
          loadOf(settings, many, benchAddresses(active, stride)),
        ]);
        const [small, large] = [medianRound(alone), medianRound(among)];
        return {
          servers: [serverLabel(many)],
          tables: [
            {
              title: `medians, ${active} active accounts`,
              heads: ['accounts', ...roundHeads],
              rows: [
                [active, ...roundCells(small)],
                [settings.accounts, ...roundCells(large)],
              ],
            },
          ],
          verdicts: [
            ...growthVerdicts(`${settings.accounts} accounts against ${active}`, small, large),
            memoryVerdict(`${settings.accounts} accounts`, large),
          ],
          data: { alone, among },
        };
      }),
    );
  },
};

function loadOf(settings: Settings, server: RunningServer, recipients: readonly string[]) {
  return () =>
    runRound(server, {
      sessions: settings.sessions[0] ?? 10,
      sizeBytes: (settings.sizesKib[0] ?? 10) * 1024,
      mode: settings.modes[0] ?? 'open',
      seconds: settings.seconds,
      warmupSeconds: settings.warmupSeconds,
      recipients,
      pick: settings.pick,
    });
}
