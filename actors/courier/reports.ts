/**
 * What a sender is told of a mail: an RFC 3464 report in a multipart/report (RFC 6522).
 *
 * Promises: the same report gives the same bytes at any time and on any node with that host name, so that one that is
 * submitted twice is known as the same; no text of a remote server can end its field.
 */
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { formatDate } from '../mail/received.ts';
import type { Report } from '../delivery-domain/protocol.ts';
import { printable } from './reply.ts';

export interface Original {
  readonly isWhole: boolean;
  readonly bytes: Uint8Array;
}

/** A larger mail comes back as its header: nobody wants 25 MB returned. RFC 3461 §4.3 leaves that to us. */
const wholeBytesMax = 1024 * 1024;
const headerBytesMax = 64 * 1024;

/** What goes back of the mail itself (RFC 3461 §6.2). What cannot be read any more is left out. */
export async function originalOf(core: CoreApi, { kind, dsn, body }: Report): Promise<Original> {
  const isWhole = kind === 'failure' && dsn.ret === 'full' && body.sizeBytes <= wholeBytesMax;
  const length = isWhole ? body.sizeBytes : Math.min(body.sizeBytes, headerBytesMax);
  try {
    const bytes = await core.readBody(body.hash, { offset: 0, length });
    return { isWhole, bytes: isWhole ? bytes : headerOf(bytes) };
  } catch (error) {
    if ((error as { readonly transient?: boolean }).transient === true) throw error;
    return { isWhole: false, bytes: new Uint8Array() };
  }
}

function headerOf(bytes: Uint8Array): Uint8Array {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf('\r\n\r\n');
  if (end >= 0) return buffer.subarray(0, end + 2);
  // Cut in the middle: up to its last whole line.
  const cut = buffer.lastIndexOf('\r\n');
  return buffer.subarray(0, cut < 0 ? 0 : cut + 2);
}

const kinds = {
  failure: {
    subject: 'Undelivered mail: returned to its sender',
    action: 'failed',
    status: '5.0.0',
    says: 'Your mail could not be delivered to the recipients below. It will not be tried again.',
  },
  delay: {
    subject: 'Delayed mail: still being tried',
    action: 'delayed',
    status: '4.0.0',
    says: 'Your mail could not be delivered yet to the recipients below. It is still being tried; you need not do anything.',
  },
  success: {
    subject: 'Delivered mail: handed over',
    action: 'relayed',
    status: '2.0.0',
    says: 'Your mail was taken by the mail servers of the recipients below. They may not tell when it arrives.',
  },
} as const;

export function formatReport(
  report: Report,
  original: Original,
  hostname: string,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly smtpUtf8: boolean } {
  const isUtf8 = report.recipients.some(({ address, orcpt }) => !isAsciiText(address + (orcpt ?? '')));
  const smtpUtf8 = !isAsciiText(report.envelope.reversePath);
  const boundary = `=_${report.reportId}`;
  const part = (type: string, encoding: string): string =>
    `--${boundary}\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  // RFC 6533 has types of its own where addresses are not ASCII.
  const status = isUtf8 ? 'message/global-delivery-status' : 'message/delivery-status';
  const returned = original.isWhole ? 'message/rfc822' : 'text/rfc822-headers';
  const head = [
    header(report, hostname, boundary, status),
    '\r\n',
    part('text/plain; charset=utf-8', '8bit'),
    humanText(report, hostname),
    `\r\n${part(status, isUtf8 ? '8bit' : '7bit')}`,
    isUtf8 ? statusText(report, hostname) : statusText(report, hostname).replace(/[^\p{ASCII}]/gu, '?'),
    `\r\n${part(returned, '8bit')}`,
  ].join('');
  const bytes = Buffer.concat([Buffer.from(head), original.bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { bytes: new Uint8Array(bytes), smtpUtf8 };
}

function header(report: Report, hostname: string, boundary: string, status: string): string {
  return lines([
    `From: Mail delivery <mailer-daemon@${hostname}>`,
    `To: <${oneLine(report.envelope.reversePath)}>`,
    `Subject: ${kinds[report.kind].subject}`,
    `Date: ${formatDate(report.atMs)}`,
    `Message-ID: <${report.reportId}.report@${hostname}>`,
    // RFC 3834 §2: no autoresponder answers it.
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${status.slice('message/'.length)};\r\n\tboundary="${boundary}"`,
  ]);
}

function humanText(report: Report, hostname: string): string {
  const { says } = kinds[report.kind];
  const each = report.recipients.flatMap(({ address, code, enhanced, text, mx, willRetryUntilMs }) => {
    const from = mx === '' ? '' : ` (${oneLine(mx)})`;
    const reply = [code === 0 ? '' : String(code), enhanced, oneLine(text)].filter((word) => word !== '').join(' ');
    const until = willRetryUntilMs === null ? [] : [`    It is tried until ${formatDate(willRetryUntilMs)}.`];
    return ['', `  <${oneLine(address)}>${from}`, `    ${reply}`, ...until];
  });
  return lines([`This is the mail server ${hostname}.`, '', says, ...each]);
}

function statusText(report: Report, hostname: string): string {
  const { action, status } = kinds[report.kind];
  const { envelopeId } = report.dsn;
  const perMessage = [
    `Reporting-MTA: dns; ${hostname}`,
    ...(envelopeId === null ? [] : [`Original-Envelope-Id: ${oneLine(envelopeId)}`]),
    `Arrival-Date: ${formatDate(report.arrivedAtMs)}`,
  ];
  const perRecipient = report.recipients.flatMap((recipient) => {
    const { address, code, enhanced, text, mx, orcpt, willRetryUntilMs } = recipient;
    return [
      '',
      ...(orcpt === null ? [] : [`Original-Recipient: ${oneLine(orcpt)}`]),
      `Final-Recipient: ${isAsciiText(address) ? 'rfc822' : 'utf-8'}; ${oneLine(address)}`,
      `Action: ${action}`,
      `Status: ${enhanced === '' ? statusOf(code, status) : enhanced}`,
      ...(mx === '' ? [] : [`Remote-MTA: dns; ${oneLine(mx)}`]),
      // Only what the remote server said is one; our own words stand in the text above.
      ...(code === 0 ? [] : [`Diagnostic-Code: smtp; ${oneLine(`${code} ${enhanced} ${text}`)}`]),
      ...(willRetryUntilMs === null ? [] : [`Will-Retry-Until: ${formatDate(willRetryUntilMs)}`]),
    ];
  });
  return lines([...perMessage, ...perRecipient]);
}

/** RFC 3463 §2: of a server that gave no enhanced code only the class is known. */
function statusOf(code: number, byDefault: string): string {
  const ofKind = byDefault.charAt(0);
  return code >= 400 && code < 600 && ofKind !== '2' ? `${String(code).charAt(0)}.0.0` : byDefault;
}

function lines(all: readonly string[]): string {
  return `${all.join('\r\n')}\r\n`;
}

/** RFC 5322 §2.1.1: well below 998 with the name of the field in front, in bytes. */
const textCharactersMax = 300;

function oneLine(text: string): string {
  return printable(text, textCharactersMax).replace(/ {2,}/g, ' ');
}

function isAsciiText(text: string): boolean {
  return !/[^\p{ASCII}]/u.test(text);
}
