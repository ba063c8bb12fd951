/** `ringpost mailbox list|show|folders|quota`: looking into a mailbox, and how large it may grow. */
import { formatSize } from '../../runtime/base/sizes.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wholeNumber } from '../../runtime/cli/input.ts';
import { formatCount, formatTime, safeText } from '../../runtime/cli/units.ts';
import { quotaOption } from './account.ts';
import {
  type ListedMessage,
  mailboxList,
  mailboxMessage,
  mailboxQuota,
  mailboxRaw,
  mailboxSummary,
} from './mailbox-admin.ts';

const pageMessages = 500;
/** Of a mail that is shown to a person. */
const shownBytesMax = 64 * 1024;

const address = { name: '<address>', summary: 'an address that leads to the mailbox' };

async function* allMessages(
  cli: Cli,
  of: string,
  folder: string | null,
): AsyncGenerator<ListedMessage, void, undefined> {
  let after: { folderId: number; uid: number } | null = null;
  do {
    const page: Awaited<ReturnType<typeof mailboxList.handle>> = await cli.node.call(mailboxList, {
      address: of,
      folder,
      after,
      limit: pageMessages,
    });
    yield* page.messages;
    after = page.next;
  } while (after !== null);
}

const list: CliRow = {
  name: 'mailbox list',
  permission: mailboxList.permission,
  summary: mailboxList.summary,
  details: 'Folder by folder, in the order of their UIDs.',
  args: [address],
  options: [{ flags: '--folder <name>', summary: 'only of one folder' }],
  examples: ['ringpost mailbox list ann@example.org', 'ringpost mailbox list ann@example.org --folder INBOX --json'],
  needs: 'node',
  async run(cli, input) {
    await cli.printList({
      rows: allMessages(cli, input.argument('address'), input.option('folder')),
      columns: [
        { title: 'FOLDER', cell: (row) => row.folder },
        { title: 'UID', align: 'right', cell: (row) => row.uid },
        { title: 'RECEIVED', cell: (row) => formatTime(row.receivedAtMs) },
        { title: 'SIZE', align: 'right', cell: (row) => formatSize(row.size) },
        { title: 'FLAGS', cell: (row) => row.flags.join(' ') },
        { title: 'FROM', cell: (row) => cut(row.from, 40) },
        { title: 'SUBJECT', cell: (row) => cut(row.subject, 70) },
      ],
      json: ({ uid, folder, size, flags, subject, messageId, receivedAtMs, from, mailId }) => ({
        uid,
        folder,
        size,
        flags,
        subject,
        messageId,
        receivedAt: formatTime(receivedAtMs),
        from,
        mailId,
      }),
      empty: 'There is no mail.',
    });
  },
};

const cut = (text: string, charactersMax: number): string =>
  text.length <= charactersMax ? text : `${text.slice(0, charactersMax - 1)}…`;

const show: CliRow = {
  name: 'mailbox show',
  permission: mailboxRaw.permission,
  summary: 'Show one mail',
  details:
    'A stored mail is what the sender sent, byte for byte, behind a few lines of this server (Return-Path, Received).\n' +
    '--raw gives all of it, --as-received leaves those lines out.',
  args: [address, { name: '<uid>', summary: 'as ringpost mailbox list shows it' }],
  options: [
    { flags: '--folder <name>', summary: 'folder that the UID is in (INBOX)' },
    { flags: '--raw', summary: 'write exactly the stored bytes' },
    { flags: '--body-only, --as-received', summary: 'write exactly the bytes that the sender sent' },
  ],
  examples: [
    'ringpost mailbox show ann@example.org 17',
    'ringpost mailbox show ann@example.org 17 --raw > 17.eml',
    'ringpost mailbox show ann@example.org 3 --folder Sent --json',
  ],
  needs: 'node',
  async run(cli, input) {
    const of = {
      address: input.argument('address'),
      folder: input.option('folder') ?? 'INBOX',
      uid: wholeNumber('<uid>', input.argument('uid'), 1),
    };
    const asReceived = input.flag('as-received');
    if (input.flag('raw') || asReceived) {
      for await (const chunk of cli.node.download(mailboxRaw, { ...of, asReceived })) await cli.io.out(chunk);
      return;
    }
    const message = await cli.node.call(mailboxMessage, of);
    if (cli.isJson) {
      const { receivedAtMs, ...facts } = message;
      await cli.print({ ...facts, receivedAt: formatTime(receivedAtMs) }, () => '');
      return;
    }
    await cli.io.out(`${formatFacts(message)}\n\n${await shownText(cli, of)}`);
  },
};

function formatFacts(message: ListedMessage): string {
  const facts = [
    ['mail', message.mailId],
    ['received', `${formatTime(message.receivedAtMs)} for ${message.address === '' ? '-' : message.address}`],
    ['sender', message.reversePath === '' ? '<>' : message.reversePath],
    ['size', formatSize(message.size)],
    ['flags', message.flags.length === 0 ? '-' : message.flags.join(' ')],
  ] as const;
  return facts.map(([name, value]) => `${name.padEnd(10)}${safeText(value)}`).join('\n');
}

/** The beginning of the mail as text. A mail is a stranger's: nothing in it may command the terminal. */
async function shownText(cli: Cli, of: { address: string; folder: string; uid: number }): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of cli.node.download(mailboxRaw, { ...of, asReceived: false })) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > shownBytesMax) break;
  }
  const text = Buffer.concat(chunks).subarray(0, shownBytesMax).toString('utf8').replaceAll('\r\n', '\n');
  const more = size > shownBytesMax ? '\n[… the rest: --raw]\n' : '';
  return `${safeText(text, '\n\t')}${more}`;
}

const folders: CliRow = {
  name: 'mailbox folders',
  permission: mailboxSummary.permission,
  summary: mailboxSummary.summary,
  args: [address],
  examples: ['ringpost mailbox folders ann@example.org'],
  needs: 'node',
  async run(cli, input) {
    const summary = await cli.node.call(mailboxSummary, { address: input.argument('address') });
    if (cli.isJson) return cli.print(summary, () => '');
    await cli.printList({
      rows: summary.folders,
      columns: [
        { title: 'FOLDER', cell: (row) => row.name },
        { title: 'MAILS', align: 'right', cell: (row) => formatCount(row.messages) },
        { title: 'UNSEEN', align: 'right', cell: (row) => formatCount(row.unseen) },
        { title: 'SIZE', align: 'right', cell: (row) => formatSize(row.sizeBytes) },
      ],
      empty: 'There are no folders.',
    });
    const quota = summary.quotaBytes === 0 ? 'no quota' : `quota ${formatSize(summary.quotaBytes)}`;
    await cli.io.out(`\n${formatCount(summary.messages)} mails, ${formatSize(summary.usedBytes)}, ${quota}\n`);
  },
};

const quota: CliRow = {
  name: 'mailbox quota',
  permission: mailboxQuota.permission,
  summary: mailboxQuota.summary,
  details: 'Mail to a full mailbox is put off with 452; what is there stays.',
  args: [address, { name: '<size>', summary: 'e.g. 500M or 2G; none for no limit' }],
  examples: ['ringpost mailbox quota ann@example.org 2G'],
  needs: 'node',
  async run(cli, input) {
    const quotaBytes = quotaOption(input.argument('size')) ?? 0;
    const answer = await cli.node.call(mailboxQuota, { address: input.argument('address'), quotaBytes });
    await cli.print(answer, (now) =>
      now.quotaBytes === 0
        ? `${now.address} has no limit.`
        : `${now.address} may grow to ${formatSize(now.quotaBytes)}.`,
    );
  },
};

export const mailboxAdmin = [mailboxSummary, mailboxList, mailboxMessage, mailboxRaw, mailboxQuota];
export const mailboxCli: readonly CliRow[] = [list, show, folders, quota];
