/**
 * `idle-groups`: three nodes with a replica of each group on every one of them. What they cost while nothing happens, and
 * what it takes the others to lead the groups of one that is killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aims } from '../aims.ts';
import type { NodeCounts } from '../cluster/bench-node.ts';
import { type RunningNode, startNodes } from '../cluster/spawn.ts';
import type { Commit } from '../cluster/watched-store.ts';
import { processTreeCost } from '../measure/processes.ts';
import { pause, until } from '../measure/wait.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import type { Report, ReportTable, Verdict } from '../report.ts';
import type { Settings } from '../settings.ts';
import type { Scenario } from './scenario.ts';

const nodeCount = 3;
const holdMs = 20_000;
const ledMsMax = 60_000;
const spreadMs = 1_000;
/** Longer than the journal and the host wait before they bring their trees up to date (1 s, 0.2 s). */
const quietMs = 3_000;
const quietMsMax = 120_000;

/** A node at rest. */
interface Idle {
  readonly name: string;
  readonly served: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly rssAnonBytes: number;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly groupFrames: number;
  readonly commits: number;
  /** A living peer was taken for dead, since one of the two got no CPU: what groups did then is no rest. */
  readonly suspicions: number;
}

/** A survivor, from the kill until all groups are served again. */
interface Takeover {
  readonly name: string;
  readonly taken: number;
  readonly tookMs: number;
  readonly commits: readonly Commit[];
  readonly framesSent: number;
  readonly groupFramesSent: number;
  readonly bytesSent: number;
  /** More than one: it took the other survivor for dead, too. */
  readonly suspicions: number;
}

export const idleGroups: Scenario = {
  what: 'CPU and memory of --groups groups on three nodes with nothing to do; one node dies',
  defaults: { sessions: [1], sizesKib: [1], modes: ['open'] },
  async run(settings, progress) {
    const directory = mkdtempSync(join(settings.root, 'ringpost-bench-groups-'));
    try {
      progress(`${nodeCount} nodes with ${settings.groups} groups`);
      const nodes = await startNodes(nodeCount, settings.groups, directory);
      try {
        await becomeLed(nodes, settings.groups, progress);
        await becomeQuiet(nodes);
        progress(`nothing, for ${holdMs / 1000} s`);
        const idle = await hold(nodes);
        progress(`${nodes.at(-1)!.name} is killed`);
        const takeover = await killLast(nodes, settings.groups);
        return reportOf(settings, idle, takeover);
      } finally {
        for (const node of nodes) await node.stop();
      }
    } finally {
      if (!settings.keeps) rmSync(directory, { recursive: true, force: true });
    }
  },
};

async function becomeLed(
  nodes: readonly RunningNode[],
  groups: number,
  progress: (text: string) => void,
): Promise<void> {
  await until(
    'every group is led where it should be, and all nodes know it',
    async () => {
      const counts = await countsOf(nodes);
      if (total(counts, 'served') < groups || counts.some(({ led }) => led < groups)) return false;
      progress(`all groups are led: ${counts.map(({ served }) => served).join(', ')}`);
      if (total(counts, 'misplaced') === 0) return true;
      for (const node of nodes) await node.spread();
      await pause(spreadMs);
      return false;
    },
    ledMsMax,
  );
}

async function becomeQuiet(nodes: readonly RunningNode[]): Promise<void> {
  await until(
    'nothing is written and no group says anything',
    async () => {
      const before = total(await countsOf(nodes), 'groupFrames');
      await pause(quietMs);
      const counts = await countsOf(nodes);
      return counts.every(({ commits }) => commits.length === 0) && total(counts, 'groupFrames') === before;
    },
    quietMsMax,
  );
}

async function hold(nodes: readonly RunningNode[]): Promise<readonly Idle[]> {
  const countsBefore = await countsOf(nodes);
  const costsBefore = nodes.map(({ pid }) => processTreeCost(pid));
  const begunMs = systemClock.monotonicMs();
  await pause(holdMs);
  const tookMs = systemClock.monotonicMs() - begunMs;
  const costs = nodes.map(({ pid }) => processTreeCost(pid));
  const counts = await countsOf(nodes);
  return nodes.map(({ name }, at) => {
    const { served, frames, bytes, groupFrames, commits, suspicions } = counts[at]!;
    const before = countsBefore[at]!;
    return {
      name,
      served,
      cpuShare: (costs[at]!.cpuMs - costsBefore[at]!.cpuMs) / tookMs,
      rssAnonBytes: costs[at]!.rssAnonBytes,
      framesPerSecond: ((frames - before.frames) * 1000) / tookMs,
      bytesPerSecond: ((bytes - before.bytes) * 1000) / tookMs,
      groupFrames: groupFrames - before.groupFrames,
      commits: commits.length,
      suspicions: suspicions - before.suspicions,
    };
  });
}

async function killLast(nodes: readonly RunningNode[], groups: number): Promise<readonly Takeover[]> {
  const victim = nodes.at(-1)!;
  const survivors = nodes.slice(0, -1);
  const before = await countsOf(survivors);
  const killedMs = systemClock.nowMs();
  await victim.kill();
  const commits: Commit[][] = survivors.map(() => []);
  let after: readonly NodeCounts[] = [];
  await until(
    'the survivors serve every group',
    async () => {
      after = await countsOf(survivors);
      for (const [at, counts] of after.entries()) commits[at]!.push(...counts.commits);
      return total(after, 'served') === groups;
    },
    ledMsMax,
  );
  const servedMs = Math.max(...after.map(({ lastServedMs }) => lastServedMs));
  return survivors.map(({ name }, at) => ({
    name,
    taken: after[at]!.served - before[at]!.served,
    tookMs: servedMs - killedMs,
    commits: commits[at]!.filter(({ atMs }) => atMs <= servedMs),
    framesSent: after[at]!.frames - before[at]!.frames,
    groupFramesSent: after[at]!.groupFrames - before[at]!.groupFrames,
    bytesSent: after[at]!.bytes - before[at]!.bytes,
    suspicions: after[at]!.suspicions - before[at]!.suspicions,
  }));
}

/** @throws {Error} when a node was too slow to lead anything: what was measured is then not the groups' */
async function countsOf(nodes: readonly RunningNode[]): Promise<readonly NodeCounts[]> {
  const all = await Promise.all(nodes.map((node) => node.counts()));
  for (const [at, { unfit }] of all.entries()) {
    if (unfit > 0) throw new Error(`the disk or the clock of ${nodes[at]!.name} hung: run it on a quieter machine`);
  }
  return all;
}

function total(counts: readonly NodeCounts[], of: 'served' | 'misplaced' | 'groupFrames'): number {
  return counts.reduce((sum, each) => sum + each[of], 0);
}

function reportOf(settings: Settings, idle: readonly Idle[], takeover: readonly Takeover[]): Report {
  return {
    servers: [`${nodeCount} nodes over Unix sockets, without an engine`],
    tables: [idleTable(settings.groups, idle), takeoverTable(takeover)],
    verdicts: [...idle.map(idleVerdict), ...takeover.map(takeoverVerdict)],
    data: { idle, takeover },
  };
}

function idleTable(groups: number, idle: readonly Idle[]): ReportTable {
  return {
    title: `${groups} groups at rest for ${holdMs / 1000} s`,
    heads: [
      ...['node', 'leads', 'cpu % of a core', 'RssAnon MiB', 'frames/s', 'KiB/s'],
      ...["groups' frames", 'transactions', 'suspicions'],
    ],
    rows: idle.map((of) => [
      ...[of.name, of.served, of.cpuShare * 100, of.rssAnonBytes / 2 ** 20, of.framesPerSecond],
      ...[of.bytesPerSecond / 1024, of.groupFrames, of.commits, of.suspicions],
    ]),
  };
}

function takeoverTable(takeover: readonly Takeover[]): ReportTable {
  return {
    title: `one node is killed; all groups are served again after ${Math.round(takeover[0]?.tookMs ?? 0)} ms`,
    heads: [
      ...['node', 'groups taken over', 'votes', 'in transactions', 'no-ops', 'in transactions', 'other transactions'],
      ...['slowest ms', "groups' frames sent", 'all', 'KiB', 'suspicions'],
    ],
    rows: takeover.map((of) => {
      const { votes, noops, others } = sorted(of.commits);
      return [
        ...[of.name, of.taken, sum(votes, 'votes'), votes.length, sum(noops, 'noops'), noops.length, others.length],
        Math.max(0, ...of.commits.map(({ tookMs }) => tookMs)),
        ...[of.groupFramesSent, of.framesSent, of.bytesSent / 1024, of.suspicions],
      ];
    }),
  };
}

function sorted(commits: readonly Commit[]) {
  return {
    votes: commits.filter(({ votes }) => votes > 0),
    noops: commits.filter(({ noops }) => noops > 0),
    others: commits.filter(({ votes, noops }) => votes + noops === 0),
  };
}

function sum(commits: readonly Commit[], of: 'votes' | 'noops'): number {
  return commits.reduce((all, each) => all + each[of], 0);
}

function idleVerdict({ name, cpuShare, rssAnonBytes, groupFrames, commits }: Idle): Verdict {
  const { cpuShareMax, rssAnonMibMax } = aims.idleGroups;
  const mib = rssAnonBytes / 2 ** 20;
  const isSilent = groupFrames === 0 && commits === 0;
  return {
    holds: cpuShare < cpuShareMax && mib < rssAnonMibMax && isSilent,
    text: `${name} at rest: ${(cpuShare * 100).toFixed(2)} % of a core, RssAnon ${mib.toFixed(0)} MiB, ${groupFrames} frames and ${commits} transactions of groups (aim: less than ${cpuShareMax * 100} %, less than ${rssAnonMibMax} MiB, 0, 0)`,
  };
}

function takeoverVerdict({ name, commits }: Takeover): Verdict {
  const { voteTransactions, transactionsMax } = aims.idleGroups;
  const { votes } = sorted(commits);
  return {
    holds: votes.length === voteTransactions && commits.length <= transactionsMax,
    text: `${name}, takeover: ${sum(votes, 'votes')} votes in ${votes.length} transactions, ${commits.length} in all (aim: ${voteTransactions}, at most ${transactionsMax})`,
  };
}
