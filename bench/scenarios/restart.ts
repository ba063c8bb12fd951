/**
 * `restart`: how long a node with a million mails and 100,000 accounts takes from the start of its process until it is
 * ready, after an orderly stop and after `kill -9`.
 */
import { benchAddresses } from '../load/recipients.ts';
import { median } from '../measure/medians.ts';
import { servers } from '../peers/peers.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Report } from '../report.ts';
import type { Settings } from '../settings.ts';
import { aims } from '../aims.ts';
import { runRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { makeDataDir, removeDataDir, serverLabel, syncDisks } from './servers.ts';

export const restart: Scenario = {
  what: 'start time of a node that holds --messages mails and --accounts accounts',
  defaults: { sessions: [10], sizesKib: [1], modes: ['open'] },
  async run(settings, progress) {
    const dataDir = makeDataDir(settings, 'ringpost');
    const start = (): Promise<RunningServer> =>
      servers.ringpost({ dataDir, accounts: settings.accounts, sets: settings.sets });
    try {
      progress(`making ${settings.accounts} accounts and ${settings.messages} mails`);
      let server = await start();
      const label = serverLabel(server);
      const afterStop: number[] = [];
      const afterKill: number[] = [];
      try {
        await fill(settings, server);
        for (let round = 0; round < settings.rounds; round++) {
          await server.stop();
          server = await restarted(start, afterStop);
          // Something must be new when it is killed, or there is nothing to recover.
          await burst(settings, server);
          await server.kill();
          server = await restarted(start, afterKill);
          progress(`round ${round + 1}: ${afterStop.at(-1)?.toFixed(0)} ms, ${afterKill.at(-1)?.toFixed(0)} ms`);
        }
      } finally {
        await server.stop();
      }
      return report(label, afterStop, afterKill);
    } finally {
      removeDataDir(settings, dataDir);
    }
  },
};

async function restarted(start: () => Promise<RunningServer>, into: number[]): Promise<RunningServer> {
  await syncDisks();
  const server = await start();
  into.push(server.startMs);
  return server;
}

/** Nothing is measured while it fills, so it goes as fast as it can. */
const fillSessions = 50;

async function fill(settings: Settings, server: RunningServer): Promise<void> {
  await runRound(server, { ...loadOf(settings), sessions: fillSessions, mails: settings.messages });
}

async function burst(settings: Settings, server: RunningServer): Promise<void> {
  await runRound(server, { ...loadOf(settings), seconds: 1, warmupSeconds: 0 });
}

function loadOf(settings: Settings) {
  return {
    sessions: settings.sessions[0] ?? 10,
    sizeBytes: (settings.sizesKib[0] ?? 1) * 1024,
    mode: settings.modes[0] ?? 'open',
    seconds: settings.seconds,
    warmupSeconds: settings.warmupSeconds,
    recipients: benchAddresses(Math.min(settings.recipients, settings.accounts)),
    pick: settings.pick,
  } as const;
}

function report(label: string, afterStop: readonly number[], afterKill: readonly number[]): Report {
  const cases = [
    ['an orderly stop', afterStop],
    ['kill -9', afterKill],
  ] as const;
  return {
    servers: [label],
    tables: [
      {
        title: 'from the start of the process until it is ready',
        heads: ['after', 'median ms', 'max ms', 'starts'],
        rows: cases.map(([name, times]) => [name, median(times), Math.max(...times), times.length]),
      },
    ],
    verdicts: cases.map(([name, times]) => ({
      holds: median(times) <= aims.startMsMax,
      text: `start after ${name}: ${median(times).toFixed(0)} ms (aim: ${aims.startMsMax} or less)`,
    })),
    data: { startMsAfterStop: afterStop, startMsAfterKill: afterKill },
  };
}
