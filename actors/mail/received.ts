/**
 * The trace lines that a final delivery puts in front of a message (RFC 5321 §4.4). Each text ends with CRLF.
 *
 * Promises: no line can be broken or a field be added by what a client said: controls and brackets are taken out.
 */
import { isIPv6 } from 'node:net';

export interface Reception {
  /** As in EHLO. */
  readonly heloName: string;
  /** IP address of the client, without brackets. */
  readonly clientAddress: string;
  /** Name that the DNS gives to that address, where it was asked and confirmed. */
  readonly clientHost: string | null;
  /** RFC 3848 and RFC 6531 §4.3: SMTP, ESMTP, ESMTPS, ESMTPSA, UTF8SMTPS, LMTP … */
  readonly protocol: string;
  readonly mailId: string;
  /** As in RCPT TO; null where naming it would tell one recipient of another (RFC 5321 §7.6). */
  readonly recipient: string | null;
  /** e.g. `{ protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' }` */
  readonly tls: { readonly protocol: string; readonly cipher: string } | null;
  /** Name of this node. */
  readonly hostname: string;
  readonly nowMs: number;
}

/** @param reversePath without angle brackets; '' is the null path */
export function returnPathLine(reversePath: string): string {
  return `Return-Path: <${inBrackets(reversePath)}>\r\n`;
}

export function receivedLine(reception: Reception): string {
  const { tls, recipient } = reception;
  const host = reception.clientHost === null ? '' : `${word(reception.clientHost)} `;
  const lines = [`Received: from ${word(reception.heloName)} (${host}${addressLiteralOf(reception.clientAddress)})`];
  if (tls !== null) lines.push(`(using ${word(tls.protocol)} with cipher ${word(tls.cipher)})`);
  lines.push(`by ${word(reception.hostname)} with ${word(reception.protocol)} id ${word(reception.mailId)}`);
  if (recipient !== null) lines.push(`for <${inBrackets(recipient)}>`);
  return `${lines.join('\r\n\t')};\r\n\t${formatDate(reception.nowMs)}\r\n`;
}

/** RFC 5322 §3.3, in UTC: `Tue, 03 Nov 2026 14:03:07 +0000`. */
export function formatDate(ms: number): string {
  return new Date(ms).toUTCString().replace('GMT', '+0000');
}

/** RFC 5321 §4.1.3 */
function addressLiteralOf(ip: string): string {
  return isIPv6(ip) ? `[IPv6:${ip}]` : `[${word(ip)}]`;
}

/** One word that a comment or a clause can hold, at most 255 characters. */
function word(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Zs}\p{Zl}\p{Zp}()<>\\";,]+/gu, '_').slice(0, 255);
  return clean === '' ? 'unknown' : clean;
}

/** Quoted local parts may hold spaces and brackets; a control would have been refused by `parseAddress`. */
function inBrackets(path: string): string {
  return path.replace(/\p{Cc}+/gu, '').slice(0, 512);
}
