/**
 * The fields of a header, as bytes: where each begins and ends (RFC 5322 §2.2).
 *
 * Promises: never throws, whatever the bytes are; one pass.
 * Leaves to others: what a field means; bounds on a header that a stranger wrote (`submitted-header.ts`), since each
 * field makes an object.
 */

/** Of a header, its empty line included; more is nobody's, and no pass over one goes on behind it. */
export const headerBytesMax = 256 * 1024;

export interface HeaderField {
  /** Lower-case; '' for a line that is no field. */
  readonly name: string;
  /** From its first byte to behind its last line end, folded lines too. */
  readonly from: number;
  readonly to: number;
  /** Index behind the colon. */
  readonly valueFrom: number;
}

export interface HeaderFields {
  readonly fields: readonly HeaderField[];
  /** Index of the empty line that ends the header, or of the end of all when there is none. */
  readonly end: number;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const tab = 0x09;
const colon = 0x3a;
/** No name that anybody looks for is longer; what has a longer one is no field. */
const nameBytesMax = 128;

export function headerFields(bytes: Uint8Array): HeaderFields {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < header.length) {
    const lineEnd = endOfLine(header, at);
    if (isEmptyLine(header, at, lineEnd)) break;
    const to = endOfField(header, lineEnd);
    const nameEnd = endOfName(header, at, lineEnd);
    const valueFrom = nameEnd < 0 ? at : header.indexOf(colon, nameEnd) + 1;
    const name = nameEnd < 0 ? '' : header.toString('latin1', at, nameEnd).toLowerCase();
    fields.push({ name, from: at, to, valueFrom });
    at = to;
  }
  return { fields, end: at };
}

/**
 * Index behind the name of the field whose first line is given; -1 when it is none. RFC 5322 §3.6.8: a name is printable
 * ASCII without colon; §4.5 has white space in front of the colon, of any length.
 */
export function endOfName(header: Buffer, at: number, lineEnd: number): number {
  let end = at;
  while (end < lineEnd && isOfName(header[end] as number)) end++;
  if (end === at || end - at > nameBytesMax) return -1;
  let mark = end;
  while (mark < lineEnd && (header[mark] === space || header[mark] === tab)) mark++;
  return mark < lineEnd && header[mark] === colon ? end : -1;
}

const isOfName = (byte: number): boolean => byte > space && byte < 0x7f && byte !== colon;

/** Index behind the line feed that ends the line at `at`, or the end of all. */
export function endOfLine(header: Buffer, at: number): number {
  const end = header.indexOf(lineFeed, at);
  return end < 0 ? header.length : end + 1;
}

/** A line of nothing but its end. Bare line feeds are taken as well, for imports from Unix files. */
export function isEmptyLine(header: Buffer, at: number, lineEnd: number): boolean {
  if (header[lineEnd - 1] !== lineFeed) return false;
  return lineEnd - at === 1 || (lineEnd - at === 2 && header[at] === carriageReturn);
}

/** Index behind the last line that continues the field (RFC 5322 §2.2.3: it begins with white space). */
export function endOfField(header: Buffer, lineEnd: number): number {
  let end = lineEnd;
  while (header[end] === space || header[end] === tab) end = endOfLine(header, end);
  return end;
}
