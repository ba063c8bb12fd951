/** How often a mail has been through this host (RFC 5321 §6.3). Read only when it has several Received lines. */
import { headerBytesMax } from '../../mail/header-fields.ts';
import type { Edge } from './dialogue.ts';

/** A mail that keeps coming back to this host is stopped long before the general limit. */
export function isLooping({ limits, settings, hostname }: Edge, bytes: Uint8Array, receivedCount: number): boolean {
  const { receivedOwnMax } = limits;
  if (receivedCount >= settings.receivedMax) return true;
  return receivedCount >= receivedOwnMax && hopsBy(hostname, bytes) >= receivedOwnMax;
}

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
