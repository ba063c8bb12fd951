/**
 * What each node of a server had of a round, and what a round says of the cluster as a whole: copies, elections.
 *
 * A node's CPU is divided by the mails of all nodes, so that the numbers of the nodes add up to what a mail costs.
 */
import { median, ratio } from '../measure/medians.ts';
import type { ProcessCost } from '../measure/processes.ts';
import type { Cell } from '../measure/table.ts';
import { changedLeaders, leadsOf, type ShardLeader } from '../peers/cluster-shape.ts';
import type { NodeCounts } from '../peers/node-counts.ts';
import type { RunningServer } from '../peers/server.ts';
import type { Verdict } from '../report.ts';

export interface NodeRound {
  readonly name: string;
  /** Shards, after the round; NaN of a lone node. */
  readonly leads: number;
  readonly cpuUsPerMail: number;
  readonly rssAnonMib: number;
  /** Taken by its own edge. */
  readonly mails: number;
  /** Log entries of all shards that it has, in one commit of its disk. */
  readonly entriesPerCommit: number;
  /** Application bytes, in and out, for each mail of all nodes. */
  readonly meshKibPerMail: number;
}

/** What nodes say of themselves; asked outside of the time that is measured. */
export interface NodeLook {
  readonly counts: readonly NodeCounts[];
  readonly leaders: readonly ShardLeader[];
}

export async function lookAtNodes({
  nodes = [],
  leaders,
}: Pick<RunningServer, 'nodes' | 'leaders'>): Promise<NodeLook> {
  return { counts: await Promise.all(nodes.map((node) => node.counts())), leaders: (await leaders?.()) ?? [] };
}

/** Of each process, in the order of the nodes: before the load, right after it, and settled. */
export interface RoundCosts {
  readonly before: readonly ProcessCost[];
  readonly loaded: readonly ProcessCost[];
  readonly after: readonly ProcessCost[];
}

/** @param mails of all nodes */
export function nodeRounds(
  names: readonly string[],
  { before, loaded, after }: RoundCosts,
  [first, last]: readonly [NodeLook, NodeLook],
  mails: number,
): NodeRound[] {
  return names.map((name, at): NodeRound => {
    const since = (pick: (counts: NodeCounts) => number): number =>
      pick(last.counts[at] as NodeCounts) - pick(first.counts[at] as NodeCounts);
    return {
      name,
      leads: last.leaders.length === 0 ? Number.NaN : leadsOf(last.leaders, name),
      cpuUsPerMail: (((after[at]?.cpuMs ?? 0) - (before[at]?.cpuMs ?? 0)) * 1000) / mails,
      rssAnonMib: (loaded[at]?.rssAnonBytes ?? 0) / 2 ** 20,
      mails: since((counts) => counts.mails),
      entriesPerCommit: ratio(
        since((counts) => counts.entries),
        since((counts) => counts.commits),
      ),
      meshKibPerMail: since((counts) => counts.meshBytesIn + counts.meshBytesOut) / 1024 / mails,
    };
  });
}

export function electionsOf([first, last]: readonly [NodeLook, NodeLook]): number {
  return changedLeaders(first.leaders, last.leaders);
}

/** The median of each number by itself, node by node. */
export function medianNodes(rounds: readonly (readonly NodeRound[])[]): NodeRound[] {
  return (rounds[0] ?? []).map(({ name }, at): NodeRound => {
    const of = (pick: (node: NodeRound) => number): number =>
      median(rounds.map((nodes) => pick(nodes[at] as NodeRound)));
    return {
      name,
      leads: of((node) => node.leads),
      cpuUsPerMail: of((node) => node.cpuUsPerMail),
      rssAnonMib: of((node) => node.rssAnonMib),
      mails: of((node) => node.mails),
      entriesPerCommit: of((node) => node.entriesPerCommit),
      meshKibPerMail: of((node) => node.meshKibPerMail),
    };
  });
}

export type Copies = Readonly<Record<string, number>>;

export function sumCopies(rounds: readonly Copies[]): Copies {
  const sums: Record<string, number> = {};
  for (const copies of rounds) {
    for (const [shown, count] of Object.entries(copies)) sums[shown] = (sums[shown] ?? 0) + count;
  }
  return sums;
}

/** `2/3 61 %, 3/3 39 %`; `-` where no answer says it. */
export function formatCopies(copies: Copies): string {
  const all = Object.values(copies).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(copies).map(([shown, count]) => `${shown} ${((count / all) * 100).toFixed(0)} %`);
  return parts.length === 0 ? '-' : parts.join(', ');
}

export const nodeHeads = [
  ...['node', 'leads', 'cpu µs/mail', 'RssAnon MiB', 'own mails', 'entries/commit', 'mesh KiB/mail'],
];

export function nodeCells(node: NodeRound): Cell[] {
  return [
    ...[node.name, node.leads, node.cpuUsPerMail, node.rssAnonMib, node.mails],
    ...[node.entriesPerCommit, node.meshKibPerMail],
  ];
}

/** What a cluster under load must have kept. @param what names the load */
export function clusterVerdicts(what: string, copies: Copies, elections: number): Verdict[] {
  const few = Object.entries(copies).filter(([shown]) => !isMajority(shown));
  const isTold = Object.keys(copies).length > 0;
  return [
    {
      holds: isTold && few.length === 0,
      text: `${what}: copies named by 250: ${formatCopies(copies)} (aim: a majority, always)`,
    },
    { holds: elections === 0, text: `${what}: ${elections} elections or moved leaders under load (aim: 0)` },
  ];
}

/** `2/3` is one. */
function isMajority(shown: string): boolean {
  const [have = 0, of = 0] = shown.split('/').map(Number);
  return have * 2 > of;
}
