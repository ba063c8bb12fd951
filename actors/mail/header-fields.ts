/**
 * The fields of a header, as bytes: where each begins and ends (RFC 5322 §2.2).
 *
 * Promises: never throws, whatever the bytes are; one pass.
 * Leaves to others: what a field means.
 */

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
/** RFC 5322 §3.6.8: printable ASCII without colon; §4.5 has white space in front of the colon. */
const nameShape = /^([!-9;-~]+)[ \t]*$/;
/** No name that anybody looks for is longer. */
const nameBytesMax = 128;

/** Fields that begin within the first `bytesMax` bytes. */
export function headerFields(bytes: Uint8Array, bytesMax = bytes.length): HeaderFields {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < header.length && at < bytesMax) {
    const lineEnd = endOfLine(header, at);
    if (isEmptyLine(header, at, lineEnd)) break;
    const to = endOfField(header, lineEnd);
    const mark = header.subarray(at, Math.min(lineEnd, at + nameBytesMax)).indexOf(colon);
    const name = mark < 0 ? undefined : nameShape.exec(header.toString('latin1', at, at + mark))?.[1];
    fields.push({ name: name?.toLowerCase() ?? '', from: at, to, valueFrom: name === undefined ? at : at + mark + 1 });
    at = to;
  }
  return { fields, end: at };
}

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
