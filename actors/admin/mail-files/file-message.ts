/** A mail on its way between a file and a mailbox, and the line ends that either wants. */

/** One mail as a file has it. */
export interface FileMessage {
  /** Folder that the file is in, e.g. `Work/2024`; null when the kind of file knows none. */
  readonly folder: string | null;
  /** Lines end with CRLF. */
  readonly bytes: Uint8Array;
  readonly flags: readonly string[];
  /** When it arrived; null when the file does not tell. */
  readonly dateMs: number | null;
  /** How much of the whole has been read with it: 0 … 1. */
  readonly share: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** RFC 5322 §2.3 has CRLF; Unix files have LF. What has it already comes back as it is, uncopied. */
export function withCrlf(bytes: Uint8Array): Uint8Array {
  const bare: number[] = [];
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
    if (at === 0 || bytes[at - 1] !== carriageReturn) bare.push(at);
  }
  if (bare.length === 0) return bytes;
  const out = new Uint8Array(bytes.length + bare.length);
  let from = 0;
  let to = 0;
  for (const at of bare) {
    out.set(bytes.subarray(from, at), to);
    to += at - from;
    out[to++] = carriageReturn;
    from = at;
  }
  out.set(bytes.subarray(from), to);
  return out;
}

/** CRLF becomes LF; a lone CR stays. */
export function withoutCrlf(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  let to = 0;
  for (let from = 0; from < bytes.length; from++) {
    const byte = bytes[from] as number;
    if (byte === carriageReturn && bytes[from + 1] === lineFeed) continue;
    out[to++] = byte;
  }
  return out.subarray(0, to);
}

const dateBytesLooked = 64 * 1024;

/** When a mail arrived by its own header: the date of the topmost Received field, else Date. Null when it has neither. */
export function headerDateMs(bytes: Uint8Array): number | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, dateBytesLooked)).toString(
    'latin1',
  );
  const header = text.split(/\r?\n\r?\n/, 1)[0] as string;
  const unfolded = header.replace(/\r?\n[ \t]+/g, ' ');
  const received = /^Received:.*;([^;\r\n]+)$/im.exec(unfolded)?.[1];
  const date = /^Date:(.+)$/im.exec(unfolded)?.[1];
  for (const text of [received, date]) {
    // Comments such as "(CET)" are not for Date.parse.
    const ms = text === undefined ? Number.NaN : Date.parse(text.replace(/\([^()]*\)/g, '').trim());
    if (Number.isFinite(ms) && ms > 0) return ms;
  }
  return null;
}
