/**
 * The envelope of a mail as MAIL and RCPT lines (RFC 5321 §4.1.1.2), with the parameters that the server offers.
 *
 * Promises: nothing of an envelope can end its line or begin another.
 */
import type { Job } from '../delivery-domain/protocol.ts';
import type { RemoteRecipient } from '../mail/outgoing.ts';
import type { Extensions } from './extensions.ts';
import type { MailContent } from './mail-content.ts';

const beyondAscii = /[^\p{ASCII}]/u;

/** RFC 6531 §3.3: the flag of the mail, or an address of its envelope that is not ASCII. */
export function needsSmtpUtf8({ smtpUtf8, envelope, recipients }: Job): boolean {
  return (
    smtpUtf8 || beyondAscii.test(envelope.reversePath) || recipients.some(({ address }) => beyondAscii.test(address))
  );
}

/** An address that cannot stand in a command. None should be in a queue; a stored one may be damaged. */
export function isSendable(address: string): boolean {
  return !/[\p{Cc}<>]/u.test(address.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => quoted.replace(/[<>]/g, '')));
}

export function mailLine(job: Job, content: MailContent, offers: Extensions): string {
  let line = `MAIL FROM:<${job.envelope.reversePath}>`;
  if (offers.sizeBytesMax !== null) line += ` SIZE=${content.sizeBytes}`;
  if (offers.smtpUtf8 && needsSmtpUtf8(job)) line += ' SMTPUTF8';
  if (offers.eightBitMime && content.has8Bit) line += ' BODY=8BITMIME';
  if (offers.dsn && job.dsn.ret !== null) line += job.dsn.ret === 'full' ? ' RET=FULL' : ' RET=HDRS';
  if (offers.dsn && job.dsn.envelopeId !== null) line += ` ENVID=${xtext(job.dsn.envelopeId)}`;
  return line;
}

export function rcptLine({ address, notify, orcpt }: RemoteRecipient, offers: Extensions): string {
  let line = `RCPT TO:<${address}>`;
  if (!offers.dsn) return line;
  if (notify !== null && notify.length > 0) line += ` NOTIFY=${notify.join(',').toUpperCase()}`;
  const cut = orcpt?.indexOf(';') ?? -1;
  if (orcpt !== null && cut > 0) line += ` ORCPT=${orcpt.slice(0, cut)};${xtext(orcpt.slice(cut + 1))}`;
  return line;
}

/** RFC 3461 §4: printable ASCII but + and =; the rest as +XX of its UTF-8 bytes. */
function xtext(text: string): string {
  if (/^[!-*,-<>-~]*$/.test(text)) return text;
  let out = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x2b && byte !== 0x3d;
    out += isPlain ? String.fromCharCode(byte) : `+${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
