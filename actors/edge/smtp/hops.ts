/** How often a mail has been through this host (RFC 5321 §6.3). Read only when it has several Received lines. */

/** Of a header, at most so much is looked at. */
const headerBytesMax = 256 * 1024;

/** Number of Received fields whose `by` clause names `hostname`. */
export function hopsBy(hostname: string, bytes: Uint8Array): number {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, headerBytesMax)).toString('latin1');
  const end = header.indexOf('\r\n\r\n');
  const wanted = hostname.toLowerCase();
  let hops = 0;
  for (const field of (end === -1 ? header : header.slice(0, end)).split(/\r\n(?![ \t])/)) {
    if (!/^received[ \t]*:/i.test(field)) continue;
    const by = /[\s)]by\s+([^\s;()]+)/i.exec(field)?.[1];
    if (by?.toLowerCase() === wanted) hops++;
  }
  return hops;
}
