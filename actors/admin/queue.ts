/** `ringpost queue list|show|pause|resume|in-doubt|domains`: mail that waits for other servers. */
import { formatSize } from '../../runtime/base/sizes.ts';
import type { AdminRow } from '../../runtime/cli/admin-row.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import type { Column } from '../../runtime/cli/table.ts';
import { formatCount, formatDuration, formatPlural, formatTime, safeText } from '../../runtime/cli/units.ts';
import type { InDoubtEntry } from '../delivery-domain/protocol.ts';
import {
  type DomainSummary,
  type ListedItem,
  queueInDoubt,
  queueList,
  queuePause,
  queueResume,
  queueShow,
  queueSummaries,
} from './queue-admin.ts';
import type { QueueCursor, QueuePage } from './queue-reading.ts';
import { selectionOf, selectionOptions } from './queue-selection.ts';

/** Row after row, a page of the node's at a time. */
async function* allRows<Args, Row>(
  cli: Cli,
  row: AdminRow<Args & { after: QueueCursor | null }, QueuePage<Row>>,
  args: Args,
): AsyncGenerator<{ readonly domain: string } & Row, void, undefined> {
  let after: QueueCursor | null = null;
  do {
    const page: QueuePage<Row> = await cli.node.call(row, { ...args, after });
    yield* page.rows;
    after = page.next;
  } while (after !== null);
}

const timeOrNull = (ms: number | null): string | null => (ms === null ? null : formatTime(ms));

/** What scripts get. `id` is the mail's, as in the reply to its sender; `item` is this entry alone. */
const itemJson = (item: ListedItem) => ({
  id: item.mailId,
  item: item.itemId,
  domain: item.domain,
  sender: item.sender,
  recipients: item.recipients,
  state: item.state,
  attempts: item.attempts,
  nextAttemptAt: timeOrNull(item.nextAttemptAtMs),
  lastReply: item.lastReply,
  queuedAt: formatTime(item.enqueuedAtMs),
  expiresAt: timeOrNull(item.expiresAtMs),
  droppedUntil: timeOrNull(item.droppedUntilMs),
  sizeBytes: item.sizeBytes,
});

const recipientsOf = (recipients: readonly string[]): string =>
  recipients.length <= 1 ? (recipients[0] ?? '-') : `${recipients[0]} and ${recipients.length - 1} more`;

const replyCharactersShown = 100;
const short = (text: string | null): string => (text ?? '-').slice(0, replyCharactersShown);

const itemColumns: readonly Column<ListedItem>[] = [
  { title: 'MAIL', cell: (row) => row.mailId },
  { title: 'DOMAIN', cell: (row) => row.domain },
  { title: 'STATE', cell: (row) => (row.droppedUntilMs === null ? row.state : 'dropped') },
  { title: 'TRIED', align: 'right', cell: (row) => row.attempts },
  { title: 'NEXT', cell: (row) => timeOrNull(row.droppedUntilMs ?? row.nextAttemptAtMs) ?? '-' },
  { title: 'FROM', cell: (row) => row.sender || '<>' },
  { title: 'TO', cell: (row) => recipientsOf(row.recipients) },
  { title: 'LAST REPLY', cell: (row) => short(row.lastReply) },
];

const list: CliRow = {
  name: 'queue list',
  permission: queueList.permission,
  summary: queueList.summary,
  details:
    'Domain after domain, oldest first. What belongs to one mail may be several entries: one for each domain and each ' +
    'hundred recipients. Of dropped mail NEXT is when it is gone for good.',
  options: [...selectionOptions, { flags: '--dropped', summary: 'what was dropped and can still be brought back' }],
  examples: [
    'ringpost queue list',
    'ringpost queue list --domain example.com --older 2h',
    'ringpost queue list --json',
  ],
  needs: 'node',
  async run(cli, input) {
    const isDropped = input.flag('dropped');
    await cli.printList<ListedItem>({
      rows: allRows(cli, queueList, { ...selectionOf(input), dropped: isDropped }),
      columns: itemColumns,
      json: itemJson,
      empty: isDropped ? 'Nothing was dropped lately.' : 'Nothing waits.',
    });
  },
};

const show: CliRow = {
  name: 'queue show',
  permission: queueShow.permission,
  summary: queueShow.summary,
  args: [{ name: '<id>', summary: 'of a mail, as in the reply to its sender, or of one entry' }],
  examples: ['ringpost queue show 01k9zq2v7h3m5n8p4r6s1t0w2x'],
  needs: 'node',
  async run(cli, input) {
    const items = await cli.node.call(queueShow, { id: input.argument('id') });
    if (cli.isJson) return cli.print(items.map(itemJson), () => '');
    await cli.print(items, (all) => all.map(formatItem).join('\n\n'));
  },
};

function formatItem(item: ListedItem): string {
  const facts: readonly (readonly [string, string])[] = [
    [
      'state',
      item.droppedUntilMs === null ? item.state : `dropped, gone for good at ${formatTime(item.droppedUntilMs)}`,
    ],
    ['from', item.sender || '<>'],
    ...item.recipients.map((recipient): [string, string] => ['to', recipient]),
    ['size', formatSize(item.sizeBytes)],
    ['waits since', formatTime(item.enqueuedAtMs)],
    ['attempts', formatCount(item.attempts)],
    ['next attempt', timeOrNull(item.nextAttemptAtMs) ?? '-'],
    ['given up at', timeOrNull(item.expiresAtMs) ?? '-'],
    ['last reply', item.lastReply ?? '-'],
    ['entry', item.itemId],
    ['its story', `ringpost trace ${item.mailId}`],
  ];
  const lines = facts.map(([name, value]) => `  ${name.padEnd(14)}${safeText(value)}`);
  return [`${item.mailId} for ${item.domain}`, ...lines].join('\n');
}

const pausing = (verb: 'pause' | 'resume', row: typeof queuePause, details: string, result: string): CliRow => ({
  name: `queue ${verb}`,
  permission: row.permission,
  summary: row.summary,
  details,
  args: [{ name: '<domain>', summary: 'e.g. example.com' }],
  examples: [`ringpost queue ${verb} example.com`],
  needs: 'node',
  async run(cli, input) {
    const answer = await cli.node.call(row, { domain: input.argument('domain') });
    await cli.print(answer, ({ domain, changed, items }) => {
      return `${domain} ${changed ? 'is' : 'was already'} ${result}; ${formatPlural(items, 'entry', 'entries')} there.`;
    });
  },
});

const causes: Readonly<Record<InDoubtEntry['cause'], string>> = {
  timeout: 'no result in time',
  courierLost: 'this server stopped meanwhile',
  noReply: 'sent, and no reply came',
};

const inDoubt: CliRow = {
  name: 'queue in-doubt',
  permission: queueInDoubt.permission,
  summary: queueInDoubt.summary,
  details:
    'The ledger of the last 30 days: each attempt whose outcome was lost, and what the setting queue.inDoubt had done ' +
    'about it. Ask the recipient, or the log of the other server.',
  options: [{ flags: '--domain <domain>', summary: 'only for this domain' }],
  examples: ['ringpost queue in-doubt', 'ringpost queue in-doubt --json'],
  needs: 'node',
  async run(cli, input) {
    await cli.printList<{ readonly domain: string } & InDoubtEntry>({
      rows: allRows(cli, queueInDoubt, { domain: input.option('domain') }),
      columns: [
        { title: 'TIME', cell: (row) => formatTime(row.atMs) },
        { title: 'MAIL', cell: (row) => row.mailId },
        { title: 'DOMAIN', cell: (row) => row.domain },
        { title: 'TO', cell: (row) => recipientsOf(row.recipients) },
        { title: 'WHY', cell: (row) => causes[row.cause] },
        { title: 'THEN', cell: (row) => row.decided },
        { title: 'MX', cell: (row) => row.mx ?? '-' },
      ],
      json: ({ mailId, itemId, entryId, attemptId, atMs, begunAtMs, ...rest }) => ({
        ...{ id: mailId, item: itemId, entry: entryId, attempt: attemptId },
        ...{ at: formatTime(atMs), begunAt: formatTime(begunAtMs), ...rest },
      }),
      empty: 'Nothing was in doubt in the last 30 days.',
    });
  },
};

async function* allSummaries(cli: Cli): AsyncGenerator<DomainSummary, void, undefined> {
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof queueSummaries.handle>> = await cli.node.call(queueSummaries, { after });
    yield* page.domains;
    after = page.next;
  } while (after !== null);
}

const domains: CliRow = {
  name: 'queue domains',
  permission: queueSummaries.permission,
  summary: queueSummaries.summary,
  examples: ['ringpost queue domains', 'ringpost queue domains --json'],
  needs: 'node',
  async run(cli) {
    const nowMs = cli.clock.nowMs();
    const state = (title: string, name: keyof DomainSummary['byState']): Column<DomainSummary> => ({
      title,
      align: 'right',
      cell: (row) => formatCount(row.byState[name]),
    });
    await cli.printList<DomainSummary>({
      rows: allSummaries(cli),
      columns: [
        { title: 'DOMAIN', cell: (row) => row.domain },
        { title: 'ENTRIES', align: 'right', cell: (row) => formatCount(row.items) },
        ...[state('QUEUED', 'queued'), state('ATTEMPTING', 'attempting')],
        ...[state('HELD', 'held'), state('IN DOUBT', 'inDoubt')],
        { title: 'DROPPED', align: 'right', cell: (row) => formatCount(row.dropped) },
        { title: 'OLDEST', cell: (row) => (row.oldestMs === null ? '-' : formatDuration(nowMs - row.oldestMs)) },
        { title: '', cell: (row) => (row.isPaused ? 'paused' : '') },
      ],
      json: ({ oldestMs, nextDueMs, ...row }) => ({
        ...row,
        oldest: timeOrNull(oldestMs),
        nextDue: timeOrNull(nextDueMs),
      }),
      empty: 'Nothing waits.',
    });
  },
};

export const queueCli: readonly CliRow[] = [
  list,
  show,
  domains,
  inDoubt,
  pausing(
    'pause',
    queuePause,
    'What is being sent at this moment is sent. New mail for it is taken and waits.',
    'paused',
  ),
  pausing('resume', queueResume, 'Its mail is tried again as it was due.', 'no longer paused'),
];
