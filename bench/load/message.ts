/**
 * The mail that a session sends: one buffer, made once, in which a few bytes are overwritten for each mail.
 *
 * Promises: exactly `sizeBytes` long (the final dot not counted); correct headers, CRLF, lines of at most 76 characters
 * and no leading dot; a Message-ID of its own, and a stamp of its own in every 4 KiB, so that nothing that compares
 * contents, whole or in chunks, can store it for less; the time of its sending, for whoever receives it in the end.
 * Leaves to the caller: not to change it (`next`) before the server has answered the mail before.
 */
import { randomBytes } from 'node:crypto';
import { invariant } from '../../runtime/base/invariant.ts';
import { machineUs } from '../sink/counts.ts';

const stampDigits = 12;
/** Of the time of sending, in microseconds of the machine's monotonic clock. */
const timeDigits = 16;
const timeField = 'X-Sent-Us: ';
const stampEveryBytes = 4096;
const lineBytes = 76;
const finalDot = '.\r\n';

export const messageBytesMin = 1024;

export class MessageTemplate {
  /** What to write after `354`: the mail and the final dot. */
  readonly bytes: Buffer;
  readonly #stampOffsets: readonly number[];
  readonly #timeOffset: number;
  readonly #toOffset: number;
  readonly #toWidth: number;
  #sequence = 0;

  /**
   * @param session told apart in the Message-ID from the other sessions of the run
   * @param addressBytesMax length of the longest recipient
   */
  constructor(sizeBytes: number, session: number, sender: string, addressBytesMax: number, dateText: string) {
    invariant(sizeBytes >= messageBytesMin, `a mail of the bench has at least ${messageBytesMin} bytes`);
    const run = randomBytes(8).toString('hex');
    const blank = '0'.repeat(stampDigits);
    // RFC 5322 §3.6.3: blanks before an address are folding white space, so one width fits every recipient.
    const beforeTo = `Message-ID: <${blank}.${session}.${run}@load.example>\r\nDate: ${dateText}\r\nFrom: <${sender}>\r\nTo: `;
    const beforeTime = `${beforeTo}${' '.repeat(addressBytesMax + 2)}\r\n${timeField}`;
    const head = `${beforeTime}${'0'.repeat(timeDigits)}\r\nSubject: bench ${session}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n`;
    this.bytes = Buffer.from(`${head}${bodyText(sizeBytes - head.length - 2)}\r\n${finalDot}`, 'latin1');
    invariant(this.bytes.length === sizeBytes + finalDot.length, 'a mail of the bench has the size that was asked for');
    this.#timeOffset = beforeTime.length;
    this.#toOffset = beforeTo.length;
    this.#toWidth = addressBytesMax + 2;
    const offsets = ['Message-ID: <'.length];
    for (let at = head.length; at + lineBytes < sizeBytes; at += stampEveryBytes)
      offsets.push(stampPlace(this.bytes, at));
    this.#stampOffsets = offsets;
  }

  /** Makes `bytes` the next mail, to `recipient` (in angle brackets). */
  next(recipient: string): void {
    const sequence = ++this.#sequence;
    for (const offset of this.#stampOffsets) writeDigits(this.bytes, offset, stampDigits, sequence);
    writeDigits(this.bytes, this.#timeOffset, timeDigits, machineUs());
    this.bytes.fill(0x20, this.#toOffset, this.#toOffset + this.#toWidth - recipient.length);
    this.bytes.write(recipient, this.#toOffset + this.#toWidth - recipient.length, 'latin1');
  }
}

/** When a mail of the load generator was sent (`machineUs`); null in a mail of anybody else. */
export function stampOf(header: string): number | null {
  const at = header.indexOf(`\r\n${timeField}`);
  if (at < 0) return null;
  const start = at + 2 + timeField.length;
  return Number(header.slice(start, start + timeDigits));
}

/** Random letters in lines, so that no two sessions and no two runs send alike. */
function bodyText(sizeBytes: number): string {
  const letters = randomBytes(Math.ceil(sizeBytes * 0.75))
    .toString('base64')
    .slice(0, sizeBytes);
  let text = '';
  for (let at = 0; text.length < sizeBytes; at += lineBytes) text += `${letters.slice(at, at + lineBytes)}\r\n`;
  text = text.slice(0, sizeBytes);
  // A cut through the last CRLF would leave a bare CR before the final dot.
  return text.endsWith('\r') ? `${text.slice(0, -1)}x` : text;
}

/** The next place at or after `at` whose `stampDigits` bytes lie within a line. */
function stampPlace(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
  return lineEnd - at >= stampDigits ? at : lineEnd + 2;
}

function writeDigits(bytes: Buffer, offset: number, digits: number, value: number): void {
  let rest = value;
  for (let i = offset + digits - 1; i >= offset && rest > 0; i--) {
    bytes[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
