/**
 * How intricate a JSON text may be before it is parsed: bytes alone do not bound it, since `{},{},…` becomes twenty times
 * its size as objects.
 *
 * Promises: one pass over the bytes and no memory, whatever they are; a string costs nothing, however long it is.
 * Leaves to others: whether it is JSON at all.
 */
import { tooIntricate } from './codes.ts';

/** A thousand recipients with names make 5,000, a hundred attachments 900. Parsed and checked it takes below 100 ms. */
export const jsonMarksMax = 20_000;

const quote = 0x22;
const backslash = 0x5c;
/** Each value has one of these before it, but the first. In UTF-8 no byte of another character looks like one. */
const isMark = new Uint8Array(256);
for (const mark of Buffer.from(',:[{')) isMark[mark] = 1;

/** @throws {OperationError} `tooIntricate` */
export function boundJson(bytes: Uint8Array): void {
  let marks = 0;
  let isInString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === quote) isInString = !isInString;
    else if (isInString) {
      // What it escapes ends no string.
      if (byte === backslash) at++;
    } else if (isMark[byte] === 1 && ++marks > jsonMarksMax) throw tooIntricate(jsonMarksMax);
  }
}
