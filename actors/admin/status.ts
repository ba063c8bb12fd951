/** `ringpost status`: one screen that says how the node is, what is wrong and what to do about it. */
import { z } from 'zod';
import { errorData } from '../../runtime/base/errors.ts';
import { formatSize } from '../../runtime/base/sizes.ts';
import { type AdminContext, adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { formatCount, formatDuration, formatPlural, formatTime } from '../../runtime/cli/units.ts';
import { type DomainSummary, summaries } from './queue-admin.ts';

/** What `core.inspect('status')` answers. */
export interface NodeStatus {
  readonly node: string;
  readonly version: string;
  readonly dataDirectory: string;
  readonly startedAtMs: number;
  readonly shards: number;
  /** Facts of the store by name; names in `…Bytes` are shown as sizes. */
  readonly store: Readonly<Record<string, string | number | boolean | null>>;
  readonly sessions: number;
  readonly accepted: number;
  readonly refused: number;
  readonly pending: number;
  readonly deadLetters: number;
  readonly problems: readonly { readonly what: string; readonly cure: string }[];
}

/** What `core.inspect('clusterSummary')` answers, where there is a cluster to speak of. */
export interface ClusterSummary {
  readonly lines: readonly string[];
  readonly problems: NodeStatus['problems'];
}

/** Mail that waits for other servers, of the first `queuesSummedMax` domains that have a queue. */
export interface QueueNumbers {
  readonly domains: number;
  readonly queued: number;
  readonly attempting: number;
  readonly held: number;
  readonly inDoubt: number;
  readonly pausedDomains: number;
  /** There are more domains: the numbers are too small. */
  readonly isPartial: boolean;
}

/** One small read each: what a glance may cost. */
const queuesSummedMax = 200;

async function queueNumbers(context: AdminContext): Promise<QueueNumbers> {
  const { domains, next } = await summaries(context, null, queuesSummedMax);
  const sum = (count: (domain: DomainSummary) => number): number => domains.reduce((all, each) => all + count(each), 0);
  return {
    domains: domains.filter(({ items }) => items > 0).length,
    queued: sum(({ byState }) => byState.queued),
    attempting: sum(({ byState }) => byState.attempting),
    held: sum(({ byState }) => byState.held),
    inDoubt: sum(({ byState }) => byState.inDoubt),
    pausedDomains: sum(({ isPaused }) => (isPaused ? 1 : 0)),
    isPartial: next !== null,
  };
}

/** Null: shards that nobody leads now have some of it. How the node is has to be said then more than ever. */
async function queueIfKnown(context: AdminContext): Promise<QueueNumbers | null> {
  try {
    return await queueNumbers(context);
  } catch (error) {
    // What is no passing trouble is a bug, and not to be hidden.
    if (errorData(error).transient && errorData(error).code !== 'internal') return null;
    throw error;
  }
}

async function clusterSummary({ core }: AdminContext): Promise<ClusterSummary> {
  const summary = (await core.inspect('clusterSummary').catch(ifUnknown)) as ClusterSummary | undefined;
  return summary ?? { lines: [], problems: [] };
}

/** A core without a cluster, as in tests. */
function ifUnknown(error: unknown): undefined {
  if (errorData(error).code !== 'unknownTopic') throw error;
}

const nodeStatus = adminRow({
  name: 'status',
  permission: 'status.read',
  summary: 'Say how the node is, what is wrong and what to do',
  args: z.strictObject({}),
  async run(context) {
    const [status, cluster, queue] = await Promise.all([
      context.core.inspect('status') as Promise<NodeStatus>,
      clusterSummary(context),
      queueIfKnown(context),
    ]);
    const problems = [...status.problems, ...cluster.problems];
    return { ...status, problems, cluster: cluster.lines, queue, nowMs: context.clock.nowMs() };
  },
});

export const statusAdmin = [nodeStatus];

export interface WholeStatus extends NodeStatus {
  readonly nowMs: number;
  readonly cluster: readonly string[];
  /** Null: not known now. */
  readonly queue: QueueNumbers | null;
}

export function formatStatus(status: WholeStatus): string {
  const { problems } = status;
  const facts: [string, string][] = [
    [
      'mail',
      `${formatCount(status.accepted)} accepted · ${formatCount(status.refused)} refused · ${formatCount(status.pending)} pending`,
    ],
    ['queue', status.queue === null ? 'not known now: not all shards have a leader' : queueText(status.queue)],
    ['sessions', formatCount(status.sessions)],
    ['dead letters', formatCount(status.deadLetters)],
    ...(status.cluster.length === 0
      ? [['shards', formatCount(status.shards)] as [string, string]]
      : status.cluster.map((line, i): [string, string] => [i === 0 ? 'cluster' : '', line])),
    [
      'store',
      Object.entries(status.store)
        .map(([name, value]) => storeFact(name, value))
        .join(' · '),
    ],
    ['data', status.dataDirectory],
    ['since', `${formatTime(status.startedAtMs)} (${formatDuration(status.nowMs - status.startedAtMs)})`],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const verdict =
    problems.length === 0 ? 'all is well' : problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return [
    `${status.node} · Ringpost ${status.version} · ${verdict}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(width)}${value}`),
    ...problems.flatMap(({ what, cure }) => ['', `! ${what}`, `  cure: ${cure}`]),
  ].join('\n');
}

function queueText(queue: QueueNumbers): string {
  const { queued, attempting, held, inDoubt, domains, pausedDomains, isPartial } = queue;
  const facts = [
    `${formatCount(queued + attempting)} queued`,
    `${formatCount(held)} held`,
    `${formatCount(inDoubt)} in doubt`,
    formatPlural(domains, 'domain'),
    ...(pausedDomains > 0 ? [`${formatCount(pausedDomains)} paused`] : []),
  ];
  const more = isPartial ? ` (of the first ${queuesSummedMax} domains; all: ringpost queue domains)` : '';
  return `${facts.join(' · ')}${more}`;
}

function storeFact(name: string, value: string | number | boolean | null): string {
  const isSize = typeof value === 'number' && name.endsWith('Bytes');
  const words = name.replace(/Bytes$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words} ${isSize ? formatSize(value) : typeof value === 'number' ? formatCount(value) : String(value)}`;
}

export const statusCli: readonly CliRow[] = [
  {
    name: 'status',
    permission: nodeStatus.permission,
    summary: nodeStatus.summary,
    examples: ['ringpost status', 'ringpost status --json --data /var/lib/ringpost'],
    needs: 'node',
    async run(cli) {
      const status = await cli.node.call(nodeStatus, {});
      if (!cli.isJson) return cli.print(status, formatStatus);
      const { startedAtMs, nowMs, ...rest } = status;
      await cli.print({ ...rest, startedAt: formatTime(startedAtMs), upMs: nowMs - startedAtMs }, () => '');
    },
  },
];
