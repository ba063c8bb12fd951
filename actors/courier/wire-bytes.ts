/**
 * A mail as it goes over the wire behind DATA (RFC 5321 §4.5.2).
 *
 * Promises: every line ends with CRLF and no bare CR or LF is left, so that no server behind ours can read an end where
 * there is none (SMTP smuggling); a line that begins with a dot gets another; pieces may be cut anywhere.
 * Leaves to others: the final dot.
 */
import { isAscii } from 'node:buffer';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const dot = 0x2e;

export class WireBytes {
  #isLineStart = true;
  /** The last byte was a CR whose LF may still come. */
  #isAfterCr = false;

  /** The bytes themselves where nothing has to change. */
  next(piece: Uint8Array): Uint8Array {
    const extra = this.#extra(piece);
    if (extra === 0) {
      this.#remember(piece);
      return piece;
    }
    const out = new Uint8Array(piece.length + extra);
    let to = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at]!;
      if (this.#isAfterCr && byte !== lineFeed) {
        out[to++] = lineFeed;
        this.#isLineStart = true;
      }
      if (byte === lineFeed && !this.#isAfterCr) out[to++] = carriageReturn;
      if (byte === dot && this.#isLineStart) out[to++] = dot;
      out[to++] = byte;
      this.#isLineStart = byte === lineFeed;
      this.#isAfterCr = byte === carriageReturn;
    }
    return out;
  }

  /** What is missing at the end for a whole last line. */
  end(): string {
    if (this.#isAfterCr) return '\n';
    return this.#isLineStart ? '' : '\r\n';
  }

  #remember(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#isLineStart = piece[piece.length - 1] === lineFeed;
    this.#isAfterCr = piece[piece.length - 1] === carriageReturn;
  }

  /** Bytes that have to be put in. */
  #extra(piece: Uint8Array): number {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (bytes.length === 0) return 0;
    let extra = 0;
    if (this.#isLineStart && bytes[0] === dot) extra++;
    if (this.#isAfterCr && bytes[0] !== lineFeed) extra += bytes[0] === dot ? 2 : 1;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
      const isAfterCr = at === 0 ? this.#isAfterCr : bytes[at - 1] === carriageReturn;
      if (!isAfterCr) extra++;
      if (bytes[at + 1] === dot) extra++;
    }
    for (let at = bytes.indexOf(carriageReturn); at >= 0; at = bytes.indexOf(carriageReturn, at + 1)) {
      if (at + 1 < bytes.length && bytes[at + 1] !== lineFeed) extra += bytes[at + 1] === dot ? 2 : 1;
    }
    return extra;
  }
}

/** Whether BODY=8BITMIME (RFC 6152) has to be said. */
export function has8Bit(bytes: Uint8Array): boolean {
  return !isAscii(bytes);
}
