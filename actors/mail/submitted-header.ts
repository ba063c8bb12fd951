/**
 * Whether the header of a mail that somebody hands in may be looked at closely: it is small enough, and holds nothing but
 * fields, so that no two readers can see different fields in it.
 *
 * Promises: linear in what it takes, makes nothing of it, and stops at the bound, so it comes before all other passes.
 * Leaves to others: what the fields say; a header that the mail ends with is one here.
 */
import { endOfLine, endOfName, headerBytesMax, isEmptyLine } from './header-fields.ts';
import { headerTooLarge, notAField } from './refusals.ts';

/** More than mail has after the longest way; each makes objects in the passes that follow. */
export const headerFieldsMax = 2_000;

const space = 0x20;
const tab = 0x09;

/**
 * @returns index of the empty line that ends the header, or of the end of all
 * @throws {OperationError} `headerTooLarge`, `notAField`
 */
export function checkSubmittedHeader(bytes: Uint8Array): number {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, headerBytesMax + 1));
  let fields = 0;
  let at = 0;
  for (let line = 1; at < header.length; line++) {
    const lineEnd = endOfLine(header, at);
    if (lineEnd > headerBytesMax) throw headerTooLarge(headerBytesMax, headerFieldsMax);
    if (isEmptyLine(header, at, lineEnd)) break;
    const isFolded = line > 1 && (header[at] === space || header[at] === tab);
    if (!isFolded) {
      if (endOfName(header, at, lineEnd) < 0) throw notAField(line);
      if (++fields > headerFieldsMax) throw headerTooLarge(headerBytesMax, headerFieldsMax);
    }
    at = lineEnd;
  }
  return at;
}
