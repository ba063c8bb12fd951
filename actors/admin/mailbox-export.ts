/** `ringpost mailbox export`: mail out of a mailbox into files that other programs read. */
import { refused } from '../../runtime/base/errors.ts';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { startProgress } from '../../runtime/cli/progress.ts';
import { formatPlural } from '../../runtime/cli/units.ts';
import type { Folder } from '../mailbox/protocol.ts';
import { noSuchFolder, severalFolders } from './codes.ts';
import { decodeFrames, type Frame } from './frames.ts';
import { isDirectoryTarget, openTarget } from './mail-files/mail-target.ts';
import { mailFormats } from './mail-files/mail-source.ts';
import { mailboxSummary } from './mailbox-admin.ts';
import { formatOption } from './mailbox-import.ts';
import { type ExportHead, mailboxExport } from './mailbox-transfer.ts';

const pageMessages = 200;

export const mailboxExportCli: readonly CliRow[] = [
  {
    name: 'mailbox export',
    permission: mailboxExport.permission,
    summary: 'Write the mails of a mailbox to an mbox, a Maildir or .eml files',
    details:
      'An mbox file holds one folder; a target that ends in "/" gets a file for each. A Maildir keeps system flags,\n' +
      'an mbox all flags, .eml files none. What exists is never overwritten.',
    args: [
      { name: '<address>', summary: 'an address that leads to the mailbox' },
      { name: '<path>', summary: 'file or directory that does not exist yet' },
    ],
    options: [
      { flags: '--format <name>', summary: `${mailFormats.join(', ')} (mbox)` },
      { flags: '--folder <name>', summary: 'only one folder' },
      { flags: '--as-received', summary: "leave out this server's lines (Return-Path, Received)" },
      { flags: '--progress', summary: 'say how far it is, also when standard error is no terminal' },
    ],
    examples: [
      'ringpost mailbox export ann@example.org ann.mbox --folder INBOX',
      'ringpost mailbox export ann@example.org backup/ --format maildir',
    ],
    needs: 'node',
    async run(cli, input) {
      const [address, path] = [input.argument('address'), input.argument('path')];
      const format = formatOption(input.option('format')) ?? 'mbox';
      const summary = await cli.node.call(mailboxSummary, { address });
      const folders = chosenFolders(summary.folders, input.option('folder'));
      if (format === 'mbox' && folders.length > 1 && !(await isDirectoryTarget(path))) {
        throw severalFolders(folders.map((folder) => folder.name));
      }
      const target = await openTarget(path, format);
      const progress = startProgress(cli.io, cli.clock, 'mails', input.flag('progress'));
      const total = folders.reduce((sum, folder) => sum + folder.messages, 0);
      let written = 0;
      const unread: string[] = [];
      for (const folder of folders) {
        for await (const { head, bytes } of folderMail(cli, address, folder.name, input.flag('as-received'))) {
          const { uid, uidValidity, flags, dateMs, reversePath: sender, error } = head;
          if (error !== null) {
            unread.push(`${folder.name} ${uid}: ${error.text} [${error.code}]`);
            continue;
          }
          await target.add({ folder: folder.name, uid, uidValidity, flags, dateMs, sender, bytes });
          progress.report(++written, Math.min(1, written / total));
        }
      }
      await target.end();
      progress.end();
      for (const line of unread) cli.note(line);
      await cli.print(
        { written, unreadable: unread.length, path },
        () => `${formatPlural(written, 'mail')} written to ${path}.`,
      );
      if (unread.length > 0) {
        throw refused(
          'partlyExported',
          `${unread.length} mails could not be read. Cure: ringpost status, and the log of the node`,
        );
      }
    },
  },
];

/** One that is named, though empty; else all that hold mail, INBOX at least. */
function chosenFolders(folders: readonly Folder[], name: string | null): readonly Folder[] {
  if (name === null) return folders.filter((folder) => folder.messages > 0);
  const wanted = name.toUpperCase() === 'INBOX' ? 'INBOX' : name;
  const chosen = folders.filter((folder) => folder.name === wanted);
  if (chosen.length === 0)
    throw noSuchFolder(
      name,
      folders.map((folder) => folder.name),
    );
  return chosen;
}

async function* folderMail(
  cli: Cli,
  address: string,
  folder: string,
  asReceived: boolean,
): AsyncGenerator<Frame<ExportHead>, void, undefined> {
  let afterUid = 0;
  for (;;) {
    let count = 0;
    const page = cli.node.download(mailboxExport, { address, folder, afterUid, limit: pageMessages, asReceived });
    for await (const frame of decodeFrames<ExportHead>(page)) {
      count++;
      afterUid = frame.head.uid;
      yield frame;
    }
    if (count < pageMessages) return;
  }
}
