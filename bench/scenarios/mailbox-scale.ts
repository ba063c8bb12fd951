/**
 * `mailbox-scale`: what a mail costs when its mailbox holds none, and when it holds a million.
 *
 * One mailbox is filled in ten slices (the table shows where a cost begins to grow). Then the full one and an empty one
 * are loaded in alternating rounds, which tells the mailbox's size apart from what else changed meanwhile.
 */
import { benchAddress } from '../load/recipients.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Report } from '../report.ts';
import type { Settings } from '../settings.ts';
import { growthVerdicts, memoryVerdict, roundCells, roundHeads } from './growth.ts';
import { alternate, medianRound, type Round, runRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { serverLabel, withServer } from './servers.ts';

const sliceCount = 10;
/** Twice as fast as 10 sessions: a million mails are to be there within minutes. */
const fillSessions = 50;
/** Accounts: the mailbox that grows, one for the warm-up, one that stays empty until the end. */
const grows = benchAddress(0);
const warms = benchAddress(1);
const stays = benchAddress(2);

export const mailboxScale: Scenario = {
  what: 'cost of a mail with 0 to --messages mails in its mailbox',
  defaults: { sessions: [10], sizesKib: [1], modes: ['open'] },
  run: (settings, progress) =>
    withServer(settings, 'ringpost', 3, async (server) => {
      progress('warm-up');
      await runRound(server, { ...loadOf(settings, warms), seconds: 5, warmupSeconds: 0 });
      const slices: Round[] = [];
      const sliceMails = Math.ceil(settings.messages / sliceCount);
      for (let slice = 0; slice < sliceCount; slice++) {
        progress(`slice ${slice + 1} of ${sliceCount}: ${sliceMails} mails`);
        slices.push(await runRound(server, { ...loadOf(settings, grows), sessions: fillSessions, mails: sliceMails }));
      }
      progress('alternating: the empty and the full mailbox');
      const load = (recipient: string) => () => runRound(server, loadOf(settings, recipient));
      const [empty = [], full = []] = await alternate(settings.rounds, [load(stays), load(grows)]);
      return report(server, sliceMails, slices, empty, full);
    }),
};

function loadOf(settings: Settings, recipient: string) {
  return {
    sessions: settings.sessions[0] ?? 10,
    sizeBytes: (settings.sizesKib[0] ?? 1) * 1024,
    mode: settings.modes[0] ?? 'open',
    seconds: settings.seconds,
    warmupSeconds: settings.warmupSeconds,
    recipients: [recipient],
    pick: 'round-robin',
  } as const;
}

function report(
  server: RunningServer,
  sliceMails: number,
  slices: readonly Round[],
  empty: readonly Round[],
  full: readonly Round[],
): Report {
  const rows = slices.map((slice, index) => [index * sliceMails, ...roundCells(slice)]);
  const [small, large] = [medianRound(empty), medianRound(full)];
  const mails = sliceMails * sliceCount;
  const [first, last] = [slices[0], slices.at(-1)];
  return {
    servers: [serverLabel(server)],
    tables: [
      { title: 'while one mailbox fills', heads: ['mails in it', ...roundHeads], rows },
      {
        title: 'alternating rounds, medians',
        heads: ['mailbox', ...roundHeads],
        rows: [
          ['empty at first', ...roundCells(small)],
          [`${mails} mails`, ...roundCells(large)],
        ],
      },
    ],
    verdicts: [
      ...(first && last ? growthVerdicts('last slice against the first', first, last) : []),
      ...growthVerdicts(`a mailbox of ${mails} mails against an empty one`, small, large),
      memoryVerdict(`a mailbox of ${mails} mails`, large),
    ],
    data: { slices, empty, full },
  };
}
