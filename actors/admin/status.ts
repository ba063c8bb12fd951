/** `ringpost status`: one screen that says how the node is, what is wrong and what to do about it. */
import { z } from 'zod';
import { formatSize } from '../../runtime/base/sizes.ts';
import { adminRow } from '../../runtime/cli/admin-row.ts';
import type { CliRow } from '../../runtime/cli/cli-row.ts';
import { formatCount, formatDuration, formatTime } from '../../runtime/cli/units.ts';

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

const nodeStatus = adminRow({
  name: 'status',
  permission: 'status.read',
  summary: 'Say how the node is, what is wrong and what to do',
  args: z.strictObject({}),
  async run(context) {
    const status = (await context.core.inspect('status')) as NodeStatus;
    return { ...status, nowMs: context.clock.nowMs() };
  },
});

export const statusAdmin = [nodeStatus];

export function formatStatus(status: NodeStatus & { readonly nowMs: number }): string {
  const { problems } = status;
  const facts: [string, string][] = [
    [
      'mail',
      `${formatCount(status.accepted)} accepted · ${formatCount(status.refused)} refused · ${formatCount(status.pending)} pending`,
    ],
    ['sessions', formatCount(status.sessions)],
    ['dead letters', formatCount(status.deadLetters)],
    ['shards', formatCount(status.shards)],
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
