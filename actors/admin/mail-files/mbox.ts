/**
 * mbox files, in the mboxrd form: messages one after another, each behind a `From ` line; a line of a message that
 * begins with `From `, or with that behind any number of `>`, gets one `>` more. So every message comes back as it was.
 *
 * Promises: reads in a stream, one message in memory; what was written here is read back to the byte, as long as lines
 * end with CRLF. Flags travel as Status, X-Status and X-Keywords fields in front of the message, as mutt, Dovecot and
 * others write them; only that place is taken for them and removed again.
 * Leaves to others: opening files (`mail-source.ts`, `mail-target.ts`).
 *
 * No library: node-mbox and mbox-reader were looked at. Neither undoes the mboxrd quoting by itself nor writes; what is
 * left is a splitter of lines.
 */
import { badFile } from '../../../runtime/cli/codes.ts';
import { type FileMessage, withoutCrlf } from './file-message.ts';

/** More than any mail server takes: a file that is no mbox must not fill the memory. */
const messageBytesMax = 256 * 1024 * 1024;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const fromBytes = Buffer.from('From ');
const gt = 0x3e;

/** @param path for errors only */
export async function* readMbox(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  totalBytes: number,
): AsyncGenerator<FileMessage, void, undefined> {
  let message: MessageLines | null = null;
  let wasEmpty = true;
  let readBytes = 0;
  for await (const { line, ends } of linesOf(chunks)) {
    readBytes += line.length + ends;
    if (wasEmpty && startsWith(line, fromBytes, 0)) {
      if (message !== null) yield message.end(Math.min(1, readBytes / totalBytes));
      message = new MessageLines(path, line);
      wasEmpty = false;
      continue;
    }
    // Empty lines in front of the first message are harmless; anything else is another kind of file.
    if (message === null && line.length > 0) throw badFile(path, 'an mbox file begins with a line "From …"');
    message?.add(line, ends > 0);
    wasEmpty = line.length === 0;
  }
  if (message !== null) yield message.end(1);
}

class MessageLines {
  readonly #path: string;
  readonly #fromLine: string;
  readonly #parts: Uint8Array[] = [];
  #sizeBytes = 0;

  constructor(path: string, fromLine: Buffer) {
    this.#path = path;
    this.#fromLine = fromLine.toString('latin1');
  }

  add(line: Buffer, isEnded: boolean): void {
    const text = isQuoted(line) ? line.subarray(1) : line;
    // The chunk that `line` lies in is kept alive by it, which is at most as much again.
    this.#parts.push(text, isEnded ? crlf : empty);
    this.#sizeBytes += text.length + 2;
    if (this.#sizeBytes > messageBytesMax) throw badFile(this.#path, 'one message of it is larger than 256 MiB');
  }

  end(share: number): FileMessage {
    // The empty line before the next `From ` is the file's, not the message's.
    if (this.#parts.length >= 2 && this.#parts.at(-2)?.length === 0) this.#parts.splice(-2);
    const { flags, bytes } = takeFlags(Buffer.concat(this.#parts));
    return { folder: null, bytes, flags, dateMs: fromLineDateMs(this.#fromLine), share };
  }
}

const crlf = Buffer.from('\r\n');
const empty = Buffer.alloc(0);

/** Lines without their ends; `ends`: bytes that ended it, 0 for a last line without. */
async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly line: Buffer; readonly ends: number }, void, undefined> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, start)) {
      const part = bytes.subarray(start, at);
      const line = rest.length === 0 ? part : Buffer.concat([...rest, part]);
      rest = [];
      const hasCr = line.at(-1) === carriageReturn;
      yield { line: hasCr ? line.subarray(0, -1) : line, ends: hasCr ? 2 : 1 };
      start = at + 1;
    }
    if (start < bytes.length) rest.push(bytes.subarray(start));
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) yield { line: last, ends: 0 };
}

function startsWith(line: Buffer, prefix: Buffer, at: number): boolean {
  return line.length >= at + prefix.length && line.compare(prefix, 0, prefix.length, at, at + prefix.length) === 0;
}

/** `>From `, `>>From ` … */
function isQuoted(line: Buffer): boolean {
  return line[0] === gt && isFromLine(line);
}

function isFromLine(line: Buffer): boolean {
  let at = 0;
  while (line[at] === gt) at++;
  return startsWith(line, fromBytes, at);
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `From ann@example.org Thu Nov 20 14:03:07 2025`, read as UTC unless a zone such as +0100 is there. */
function fromLineDateMs(line: string): number | null {
  const match =
    /([A-Z][a-z]{2}) +(\d{1,2}) (\d{2}):(\d{2})(?::(\d{2}))?(?: [A-Z]{1,5})?(?: ([+-]\d{4}))? (\d{4})(?: ([+-]\d{4}))?\s*$/.exec(
      line,
    );
  if (match === null) return null;
  const [, month = '', day, hour, minute, second = '0', zoneBefore, year, zoneBehind] = match;
  const zone = zoneBefore ?? zoneBehind ?? '+0000';
  const offsetMinutes = Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3)));
  const ms = Date.UTC(Number(year), months.indexOf(month), Number(day), Number(hour), Number(minute), Number(second));
  return Number.isFinite(ms) && months.includes(month) ? ms - offsetMinutes * 60_000 : null;
}

function formatFromLine(sender: string, dateMs: number): string {
  const date = new Date(dateMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  const day = String(date.getUTCDate()).padStart(2, ' ');
  const who = sender === '' ? 'MAILER-DAEMON' : sender.replace(/\s+/g, '-');
  return `From ${who} ${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${day} ${time} ${date.getUTCFullYear()}\n`;
}

/** One message as a piece of an mbox file, `From ` line and empty line included. Lines end with LF there. */
export function mboxEntry(
  message: Uint8Array,
  facts: { readonly sender: string; readonly dateMs: number; readonly flags: readonly string[] },
): Uint8Array {
  const lines = withoutCrlf(message);
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength);
  const parts: Uint8Array[] = [
    Buffer.from(formatFromLine(facts.sender, facts.dateMs)),
    Buffer.from(flagFields(facts.flags, bytes)),
  ];
  let from = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(lineFeed, start);
    if (isFromLine(bytes.subarray(start, end < 0 ? bytes.length : end))) {
      parts.push(bytes.subarray(from, start), Buffer.from('>'));
      from = start;
    }
    start = end < 0 ? bytes.length : end + 1;
  }
  parts.push(bytes.subarray(from));
  const isEnded = bytes.length === 0 || bytes.at(-1) === lineFeed;
  parts.push(Buffer.from(isEnded ? '\n' : '\n\n'));
  return Buffer.concat(parts);
}

// Flags. `Status: RO` is what mail programs have written since the eighties: R read, O old (no longer new).
const statusLetters = [
  ['A', '\\Answered'],
  ['F', '\\Flagged'],
  ['T', '\\Draft'],
  ['D', '\\Deleted'],
] as const;
const ownField = /^(Status|X-Status|X-Keywords):/i;

function flagFields(flags: readonly string[], message: Buffer): string {
  const letters = statusLetters
    .filter(([, flag]) => flags.includes(flag))
    .map(([letter]) => letter)
    .join('');
  const keywords = flags.filter((flag) => !flag.startsWith('\\')).join(' ');
  const fields = [
    ['Status', flags.includes('\\Seen') ? 'RO' : ''],
    ['X-Status', letters],
    ['X-Keywords', keywords],
  ] as const;
  // A message that begins with such a field itself would lose it when it is read back, unless all ours are there.
  const isMistakable = ownField.test(message.subarray(0, 16).toString('latin1'));
  return fields
    .filter(([, value]) => isMistakable || value !== '')
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** Takes Status, X-Status and X-Keywords away, in this order and each once, from the very top of a message. */
function takeFlags(message: Buffer): { readonly flags: readonly string[]; readonly bytes: Buffer } {
  let rest = message;
  const values = ['Status', 'X-Status', 'X-Keywords'].map((name) => {
    const end = rest.indexOf('\r\n');
    const line = rest.subarray(0, Math.max(0, end)).toString('latin1');
    if (!line.toLowerCase().startsWith(`${name.toLowerCase()}:`)) return '';
    rest = rest.subarray(end + 2);
    return line.slice(name.length + 1).trim();
  });
  const [status = '', extra = '', keywords = ''] =
    values.some((value) => value !== '') || rest !== message ? values : foreignFlags(message);
  const flags: string[] = statusLetters.filter(([letter]) => extra.includes(letter)).map(([, flag]) => flag);
  if (status.includes('R')) flags.push('\\Seen');
  return { flags: [...flags, ...keywords.split(/\s+/).filter((word) => word !== '')].sort(), bytes: rest };
}

/** Other programs write these fields anywhere in the header; there they are read, and stay. */
function foreignFlags(message: Buffer): string[] {
  const end = message.indexOf('\r\n\r\n');
  const header = message.subarray(0, end < 0 ? Math.min(message.length, 65_536) : end + 2).toString('latin1');
  return ['Status', 'X-Status', 'X-Keywords'].map(
    (name) => new RegExp(`^${name}:(.*)$`, 'im').exec(header)?.[1]?.trim() ?? '',
  );
}
