/**
 * `smtp-in`: how many mails a second a server takes, and how long each waits for its `250`.
 *
 * For each combination of sessions, size and mode, every server starts in an empty directory and is loaded in
 * alternating rounds. Ratios compare medians of the same combination only. With `--nodes 3` ours is a cluster on this
 * machine, with three copies of each mail, and the sessions are spread over its nodes.
 */
import { benchAddresses } from '../load/recipients.ts';
import type { SessionMode } from '../load/session.ts';
import { ratio, spread } from '../measure/medians.ts';
import type { Cell } from '../measure/table.ts';
import type { ServerName } from '../peers/server.ts';
import type { Report, Verdict } from '../report.ts';
import type { Settings } from '../settings.ts';
import { aims, throughputAim } from '../aims.ts';
import { warmSeconds } from './cluster-load.ts';
import { clusterVerdicts, formatCopies, nodeCells, nodeHeads } from './node-costs.ts';
import { alternate, medianRound, type Round, runRound } from './round.ts';
import type { Scenario } from './scenario.ts';
import { serverLabel, withServers } from './servers.ts';

interface Combination {
  readonly sessions: number;
  readonly sizeKib: number;
  readonly mode: SessionMode;
}

interface Measured extends Combination {
  readonly server: ServerName;
  readonly label: string;
  /** Of ours; 1 of a peer. */
  readonly nodes: number;
  readonly median: Round;
  readonly rounds: readonly Round[];
}

export const smtpIn: Scenario = {
  what: 'mails a second and latency, by sessions, size, and connections kept open or not',
  defaults: { sessions: [1, 10, 50], sizesKib: [1, 10, 100], modes: ['open', 'one-per-connection'], nodes: [1] },
  async run(settings, progress) {
    const names: ServerName[] = [...(settings.hasRingpost ? (['ringpost'] as const) : []), ...settings.peers];
    const measured: Measured[] = [];
    for (const combination of combinations(settings)) {
      progress(
        `${combination.mode}, ${combination.sizeKib} KiB, ${combination.sessions} sessions: ${names.join(', ')}`,
      );
      measured.push(...(await measure(settings, names, combination)));
    }
    return report(names, measured);
  },
};

function combinations(settings: Settings): Combination[] {
  return settings.modes.flatMap((mode) =>
    settings.sizesKib.flatMap((sizeKib) => settings.sessions.map((sessions) => ({ mode, sizeKib, sessions }))),
  );
}

function measure(settings: Settings, names: readonly ServerName[], combination: Combination): Promise<Measured[]> {
  const load = {
    sessions: combination.sessions,
    sizeBytes: combination.sizeKib * 1024,
    mode: combination.mode,
    seconds: settings.seconds,
    warmupSeconds: settings.warmupSeconds,
    recipients: benchAddresses(settings.recipients),
    pick: settings.pick,
  };
  return withServers(settings, names, settings.recipients, async (running) => {
    if (running.some(({ rootPids }) => rootPids.length > 1)) {
      // A node of three sees a third of the mail, and stays cold for longer than a round; peers are treated alike.
      for (const server of running) await runRound(server, { ...load, seconds: warmSeconds, warmupSeconds: 0 });
    }
    const rounds = await alternate(
      settings.rounds,
      running.map((server) => () => runRound(server, load)),
    );
    return running.map((server, index) => {
      const own = rounds[index] ?? [];
      return {
        ...combination,
        ...{ server: server.name, label: serverLabel(server), nodes: server.rootPids.length },
        ...{ median: medianRound(own), rounds: own },
      };
    });
  });
}

const heads = [
  ...['mode', 'KiB', 'sessions', 'server', 'mails/s', 'spread %', 'p50 ms', 'p99 ms', 'max ms', 'cpu µs/mail'],
  ...['load cpu µs/mail', 'RssAnon MiB', 'settle ms', 'others %'],
];

function row({ mode, sizeKib, sessions, server, median, rounds }: Measured): Cell[] {
  return [
    ...[mode, sizeKib, sessions, server, median.mailsPerSecond, spread(rounds.map((r) => r.mailsPerSecond)) * 100],
    ...[median.p50Ms, median.p99Ms, median.maxMs, median.serverCpuUsPerMail, median.loadCpuUsPerMail],
    ...[median.rssAnonMib, median.settleMs, median.othersShare * 100],
  ];
}

/** Of clusters only: a lone node is in the first table. */
function nodeRows({ mode, sizeKib, sessions, nodes, median }: Measured): Cell[][] {
  if (nodes === 1) return [];
  const copies = formatCopies(median.copies);
  return median.nodes.map((node) => [mode, sizeKib, sessions, ...nodeCells(node), copies, median.elections]);
}

function report(names: readonly ServerName[], measured: readonly Measured[]): Report {
  const first = names[0];
  const others = names.slice(1);
  const ratios = measured
    .filter(({ server }) => server === first)
    .flatMap((ours) =>
      others.map((peer) => {
        const theirs = measured.find((m) => m.server === peer && isSameCombination(m, ours));
        return { ours, peer, theirs: theirs as Measured };
      }),
    );
  return {
    servers: [...new Set(measured.map(({ label }) => label))],
    tables: [
      { title: 'medians of the rounds (max: of all rounds)', heads, rows: measured.map(row) },
      {
        title: `${first} over peer (throughput: more is better; others: less is better)`,
        heads: ['mode', 'KiB', 'sessions', 'peer', 'mails/s', 'p50', 'p99', 'cpu/mail', 'RssAnon'],
        rows: ratios.map(({ ours, peer, theirs }) => ratioRow(ours, peer, theirs)),
      },
      {
        title: 'node by node, medians of the rounds (copies and elections: of the cluster, in all rounds)',
        heads: ['mode', 'KiB', 'sessions', ...nodeHeads, 'copies', 'elections'],
        rows: measured.flatMap(nodeRows),
      },
    ].filter(({ rows }) => rows.length > 0),
    verdicts: [
      ...peerVerdicts(first, ratios),
      ...measured.flatMap(keptVerdicts),
      ...loadVerdicts(measured),
      quietVerdict(measured),
    ],
    data: measured,
  };
}

function isSameCombination(a: Combination, b: Combination): boolean {
  return a.mode === b.mode && a.sizeKib === b.sizeKib && a.sessions === b.sessions;
}

function ratioRow(ours: Measured, peer: ServerName, theirs: Measured): Cell[] {
  const of = (pick: (round: Round) => number): string => ratio(pick(ours.median), pick(theirs.median)).toFixed(2);
  return [
    ...[ours.mode, ours.sizeKib, ours.sessions, peer, of((r) => r.mailsPerSecond), of((r) => r.p50Ms)],
    ...[of((r) => r.p99Ms), of((r) => r.serverCpuUsPerMail), of((r) => r.rssAnonMib)],
  ];
}

function peerVerdicts(
  first: ServerName | undefined,
  ratios: readonly { ours: Measured; peer: ServerName; theirs: Measured }[],
): Verdict[] {
  if (first !== 'ringpost') return [];
  return ratios.flatMap(({ ours, peer, theirs }): Verdict[] => {
    const aim = throughputAim(peer, ours);
    if (aim === undefined) return [];
    const { ratioMin, ratioWish } = aim;
    const value = ratio(ours.median.mailsPerSecond, theirs.median.mailsPerSecond);
    const what = loadName(ours);
    const wish = ratioWish === undefined ? '' : `, better ${ratioWish}`;
    const text = `${what}: ${value.toFixed(2)} times ${peer}'s throughput (aim: ${ratioMin} or more${wish})`;
    return [{ holds: value >= ratioMin, text }];
  });
}

function keptVerdicts(of: Measured): Verdict[] {
  return of.nodes === 1 ? [] : clusterVerdicts(loadName(of), of.median.copies, of.median.elections);
}

function loadName({ mode, sizeKib, sessions, nodes }: Measured): string {
  return `${mode}, ${sizeKib} KiB, ${sessions} sessions${nodes === 1 ? '' : `, ${nodes} nodes`}`;
}

/** A slow server leaves the generator cold (caches, compiler); what it costs then does not hold the server back. */
const warmMailsPerSecondMin = 1000;

function loadVerdicts(measured: readonly Measured[]): Verdict[] {
  const values = measured
    .filter(
      ({ mode, sizeKib, median }) =>
        mode === 'open' && sizeKib === 10 && median.mailsPerSecond >= warmMailsPerSecondMin,
    )
    .map(({ median }) => median.loadCpuUsPerMail);
  if (values.length === 0) return [];
  const worst = Math.max(...values);
  const aim = aims.loadCpuUsPerMailMax;
  return [
    {
      holds: worst <= aim,
      text: `load generator: ${worst.toFixed(0)} µs of CPU a mail of 10 KiB, open (aim: ${aim} or less)`,
    },
  ];
}

/** The first thing to look at: on a busy machine even medians of alternating rounds are worth little. */
function quietVerdict(measured: readonly Measured[]): Verdict {
  const busiest = Math.max(...measured.map(({ median }) => median.othersShare));
  const aim = aims.othersShareMax;
  return {
    holds: busiest <= aim,
    text: `a quiet machine: other work took up to ${percent(busiest)} of the cores (aim: ${percent(aim)} or less)`,
  };
}

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
