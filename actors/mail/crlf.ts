/**
 * Line ends as SMTP has them (RFC 5321 §2.3.8). A CR or LF by itself is where one server sees the end of a mail and the
 * next one does not.
 */

const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Each CR, LF or CRLF as CRLF. The bytes themselves where they are so already. */
export function withCrlf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let missing = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === carriageReturn) {
      if (bytes[at + 1] === lineFeed) at++;
      else missing++;
    } else if (bytes[at] === lineFeed) missing++;
  }
  if (missing === 0) return bytes;
  const whole = new Uint8Array(bytes.length + missing);
  let to = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte !== carriageReturn && byte !== lineFeed) {
      whole[to++] = byte;
      continue;
    }
    if (byte === carriageReturn && bytes[at + 1] === lineFeed) at++;
    whole[to++] = carriageReturn;
    whole[to++] = lineFeed;
  }
  return whole;
}
