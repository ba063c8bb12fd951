/**
 * The few facts of a header that are wanted before a mail is accepted, found in one pass over its bytes.
 *
 * Promises: never throws, whatever the bytes are; time linear in the header, of which at most 256 KiB are looked at;
 * no MIME is parsed.
 * Leaves to others: everything behind the header, and whether the header is legal.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { decodeEncodedWords } from './encoded-words.ts';
import { endOfField, endOfLine, headerBytesMax, isEmptyLine } from './header-fields.ts';
import type { HeaderFacts } from './message.ts';

export interface ScannedHeader {
  readonly facts: HeaderFacts;
  /** Number of Received fields, for the loop check of RFC 5321 §6.3. */
  readonly receivedCount: number;
  /** False when the empty line that ends a header was not met. */
  readonly hasHeaderEnd: boolean;
}

/** Of one field, unfolded. What lists show is far shorter, and encoded words may take four times their text. */
const fieldBytesMax = 8 * 1024;
/** RFC 5322 §2.1.1 */
const factCharactersMax = 998;

const space = 0x20;
const tab = 0x09;
const colon = 0x3a;

type FieldName = 'subject' | 'from' | 'message-id' | 'received';
/** By the first letter in lower case, so that most fields cost one comparison. */
const wanted: ReadonlyMap<number, FieldName> = new Map(
  (['subject', 'from', 'message-id', 'received'] as const).map((name) => [name.charCodeAt(0), name]),
);

/** @param bytes the message from its first byte on; the body may be missing or be there */
export function headerFacts(bytes: Uint8Array): ScannedHeader {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, headerBytesMax));
  const found: Partial<Record<FieldName, Buffer>> = {};
  let receivedCount = 0;
  let hasHeaderEnd = false;
  let at = 0;
  while (at < header.length) {
    const lineEnd = endOfLine(header, at);
    if (isEmptyLine(header, at, lineEnd)) {
      hasHeaderEnd = lineEnd > at;
      break;
    }
    const name = fieldName(header, at, lineEnd);
    const next = name === null ? lineEnd : endOfField(header, lineEnd);
    if (name === 'received') receivedCount++;
    // RFC 5322 §3.6: each of them at most once. Of several, the first is what most programs show.
    else if (name !== null) found[name] ??= header.subarray(at + name.length, next);
    at = next;
  }
  const facts = {
    subject: fieldText(found.subject),
    from: fieldText(found.from),
    messageId: found['message-id'] ? bareMessageId(fieldText(found['message-id'])) : null,
  };
  return { facts, receivedCount, hasHeaderEnd };
}

/** The wanted field that begins at `at`, or null. RFC 5322 §4.5 has white space in front of the colon. */
function fieldName(header: Buffer, at: number, lineEnd: number): FieldName | null {
  const name = wanted.get((header[at] as number) | 0x20);
  if (name === undefined || at + name.length >= lineEnd) return null;
  for (let i = 1; i < name.length; i++) {
    const byte = header[at + i] as number;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== name.charCodeAt(i)) return null;
  }
  let after = at + name.length;
  while (after < lineEnd && (header[after] === space || header[after] === tab)) after++;
  return header[after] === colon ? name : null;
}

/** @param field from behind its name on: the colon, the value, line ends within and behind */
function fieldText(field: Buffer | undefined): string {
  if (field === undefined) return '';
  const value = whole(field.subarray(field.indexOf(colon) + 1).subarray(0, fieldBytesMax));
  // RFC 6532 has UTF-8 in headers; what is neither is most often Windows-1252, of which Latin-1 is the better half.
  const raw = isAscii(value) || !isUtf8(value) ? value.toString('latin1') : value.toString('utf8');
  const unfolded = raw.replace(/\r?\n/g, '').trim();
  const printable = decodeEncodedWords(unfolded)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return printable.slice(0, factCharactersMax).toWellFormed();
}

/** Without its last UTF-8 character, which the cut at `fieldBytesMax` may have split. */
function whole(value: Buffer): Buffer {
  if (value.length < fieldBytesMax) return value;
  let end = value.length - 1;
  for (let back = 0; back < 3 && end > 0 && ((value[end] as number) & 0xc0) === 0x80; back++) end--;
  return value.subarray(0, end);
}

/** RFC 5322 §3.6.4; programs that forget the brackets are taken at their word. */
function bareMessageId(text: string): string | null {
  const open = text.indexOf('<');
  const close = open < 0 ? -1 : text.indexOf('>', open);
  const bare =
    close < 0
      ? (text.split(/[\s<>]+/u).find((part) => part !== '') ?? '')
      : text.slice(open + 1, close).replace(/\s+/gu, '');
  return bare === '' ? null : bare;
}
