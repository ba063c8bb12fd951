/**
 * `ringpost mailbox import`: mail from files into a mailbox.
 *
 * Promises: flags and dates are kept; when it breaks off, repeating it within a day doubles nothing, since each mail
 * carries a fingerprint of its bytes, its folder and how many equal ones came before it.
 */
import { hash } from 'node:crypto';
import type { Cli, CliRow } from '../../runtime/cli/cli-row.ts';
import { wrongUsage } from '../../runtime/cli/codes.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import { startProgress } from '../../runtime/cli/progress.ts';
import { formatCount } from '../../runtime/cli/units.ts';
import { encodeFrameHead } from './frames.ts';
import type { FileMessage } from './mail-files/file-message.ts';
import { detectFormat, type MailFormat, mailFormats, readMail } from './mail-files/mail-source.ts';
import { mailboxImport, type ImportOutcome } from './mailbox-transfer.ts';
import { partlyImported } from './codes.ts';

const batchBytesMax = 4 * 1024 * 1024;
const batchMessagesMax = 500;
/** Seconds 1, 2, 4, 8: a node that restarts is back within them. */
const attemptsMax = 5;
const firstWaitMs = 1_000;

export function formatOption(text: string | null): MailFormat | null {
  if (text === null) return null;
  const format = mailFormats.find((known) => known === text.toLowerCase());
  if (format === undefined) throw wrongUsage(`--format is one of ${mailFormats.join(', ')}, not "${text}"`);
  return format;
}

interface Batch {
  readonly parts: Uint8Array[];
  messages: number;
  sizeBytes: number;
  share: number;
}

const newBatch = (): Batch => ({ parts: [], messages: 0, sizeBytes: 0, share: 0 });

export const mailboxImportCli: readonly CliRow[] = [
  {
    name: 'mailbox import',
    permission: mailboxImport.permission,
    summary: 'Put the mails of an mbox, a Maildir or .eml files into a mailbox',
    details:
      'Flags and dates are kept, and folders of a Maildir or of a directory of files. It can be repeated within a day\n' +
      'without doubling anything. Lines that end with LF get CRLF.',
    args: [
      { name: '<address>', summary: 'an address that leads to the mailbox' },
      { name: '<path>', summary: 'an mbox file, a Maildir, an .eml file, or a directory of .eml or .mbox files' },
    ],
    options: [
      { flags: '--folder <name>', summary: 'folder for all of it; made when it is not there (INBOX)' },
      { flags: '--format <name>', summary: `${mailFormats.join(', ')}; otherwise it is found out` },
      { flags: '--progress', summary: 'say how far it is, also when standard error is no terminal' },
    ],
    examples: [
      'ringpost mailbox import ann@example.org old-mail.mbox --folder Archive/2019',
      'ringpost mailbox import ann@example.org ~/Maildir',
    ],
    needs: 'node',
    async run(cli, input) {
      const path = input.argument('path');
      const format = formatOption(input.option('format')) ?? (await detectFormat(path));
      const progress = startProgress(cli.io, cli.clock, 'mails', input.flag('progress'));
      const total = { imported: 0, repeated: 0, refused: 0 };
      let firstRefusal = '';
      const send = async (batch: Batch): Promise<void> => {
        if (batch.messages === 0) return;
        for (const outcome of await sendBatch(cli, input.argument('address'), batch)) {
          if (typeof outcome === 'string') total[outcome]++;
          else if (total.refused++ === 0) firstRefusal = `${outcome.text} [${outcome.code}]`;
        }
        progress.report(total.imported + total.repeated + total.refused, batch.share);
      };
      const label = labeller(input.option('folder'));
      let batch = newBatch();
      for await (const message of readMail(path, format)) {
        addToBatch(batch, label(message), message);
        if (batch.sizeBytes < batchBytesMax && batch.messages < batchMessagesMax) continue;
        await send(batch);
        batch = newBatch();
      }
      await send(batch);
      progress.end();
      await cli.print(
        total,
        ({ imported, repeated, refused }) =>
          `${formatCount(imported)} imported, ${formatCount(repeated)} were there already, ${formatCount(refused)} refused.`,
      );
      if (total.refused > 0) throw partlyImported(total.refused, firstRefusal);
    },
  },
];

/** Says of each mail where it goes and how many of the same bytes went there before. */
function labeller(
  folder: string | null,
): (message: FileMessage) => { readonly folder: string; readonly occurrence: number } {
  const seen = new Map<string, number>();
  return (message) => {
    const target = folder ?? message.folder ?? 'INBOX';
    const digest = hash('sha256', message.bytes, 'base64url').slice(0, 22);
    const key = `${target}/${digest}`;
    const occurrence = seen.get(key) ?? 0;
    seen.set(key, occurrence + 1);
    return { folder: target, occurrence };
  };
}

function addToBatch(
  batch: Batch,
  label: { readonly folder: string; readonly occurrence: number },
  message: FileMessage,
): void {
  const { bytes, flags, dateMs } = message;
  const head = encodeFrameHead({ ...label, flags, dateMs }, bytes.byteLength);
  batch.parts.push(head, bytes);
  batch.sizeBytes += head.byteLength + bytes.byteLength;
  batch.messages++;
  batch.share = message.share;
}

/** Sends it, and again while something in it may yet succeed; what an earlier attempt put there counts as imported. */
async function sendBatch(cli: Cli, address: string, { parts }: Batch): Promise<readonly ImportOutcome[]> {
  const upload = Buffer.concat(parts);
  let merged: readonly ImportOutcome[] = [];
  for (let attempt = 1; ; attempt++) {
    const isLast = attempt === attemptsMax;
    try {
      const { outcomes } = await cli.node.upload(mailboxImport, { address }, upload);
      merged = outcomes.map((outcome, i) =>
        outcome === 'repeated' && merged[i] === 'imported' ? 'imported' : outcome,
      );
      if (isLast || !merged.some((outcome) => typeof outcome !== 'string' && outcome.transient)) return merged;
    } catch (error) {
      if (isLast || !(error instanceof OperationError) || !error.transient) throw error;
    }
    await new Promise<void>((wake) => cli.clock.after(firstWaitMs * 2 ** (attempt - 1), wake));
  }
}
