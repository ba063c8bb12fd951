/**
 * What each destination of a mail gets: one copy a mailbox, one share a remote domain.
 *
 * Promises: each mailbox and each address elsewhere is named once; of two recipients that lead to it, the first one given
 * stands for both. A copy's own header lines name its own recipient only (RFC 5321 §7.6).
 */
import { fingerprintOf } from '../mail/fingerprint.ts';
import type { IncomingMessage, Recipient } from '../mail/message.ts';
import type { NotifyOn, RemoteRecipient } from '../mail/outgoing.ts';
import { returnPathLine } from '../mail/received.ts';
import type { RemoteShare } from '../spool/protocol.ts';
import type { Destinations } from './router.ts';

/** A recipient that was given, and where it leads. */
export interface RoutedRecipient extends Destinations {
  /** As given in RCPT TO. */
  readonly given: string;
  readonly normalised: string;
  /** As in `RemoteRecipient`. */
  readonly notify: readonly NotifyOn[] | null;
  readonly orcpt: string | null;
}

export interface CopiedMail {
  readonly message: IncomingMessage;
  /** Digest of all bytes as the client sent them. */
  readonly contentHash: string;
}

const encoder = new TextEncoder();

/** Not from Buffer's pool: a view of the pool would drag all of it to the core's thread. */
export function headerLines(text: string): Uint8Array {
  return encoder.encode(text);
}

/**
 * @param linesOf whole header lines of the copy for one recipient, CRLF included, to go behind Return-Path
 * @param folder name of the target folder
 */
export function localCopies(
  mail: CopiedMail,
  routed: readonly RoutedRecipient[],
  linesOf: (given: string) => string,
  folder: string,
): Recipient[] {
  const returnPath = returnPathLine(mail.message.envelope.reversePath);
  const byMailbox = new Map<string, Recipient>();
  for (const { given, normalised, mailboxIds } of routed) {
    if (mailboxIds.length === 0) continue;
    const prefix = headerLines(returnPath + linesOf(given));
    const fingerprint = fingerprintFor(mail, normalised);
    for (const mailboxId of mailboxIds) {
      if (byMailbox.has(mailboxId)) continue;
      byMailbox.set(mailboxId, { mailboxId, address: given, prefix, folder, fingerprint });
    }
  }
  return [...byMailbox.values()];
}

export function remoteShares(mail: CopiedMail, routed: readonly RoutedRecipient[]): RemoteShare[] {
  const byDomain = new Map<string, Map<string, RemoteRecipient>>();
  for (const recipient of routed) {
    for (const { address, normalised, domain } of recipient.remote) {
      let share = byDomain.get(domain);
      if (share === undefined) byDomain.set(domain, (share = new Map<string, RemoteRecipient>()));
      if (share.has(normalised)) continue;
      const orcpt = recipient.orcpt ?? (normalised === recipient.normalised ? null : originalOf(recipient.given));
      share.set(normalised, {
        address,
        notify: recipient.notify,
        orcpt,
        fingerprint: fingerprintFor(mail, normalised),
      });
    }
  }
  return [...byDomain].map(([domain, share]) => ({ domain, recipients: [...share.values()] }));
}

/** The sender's own copy: what was sent, with nothing in front of it. */
export function sentCopyOf(
  mail: CopiedMail,
  { mailboxId, folder }: { readonly mailboxId: string; readonly folder: string },
): Recipient {
  return {
    mailboxId,
    address: '',
    prefix: new Uint8Array(0),
    folder,
    flags: ['\\Seen'],
    createsFolder: true,
    // No address looks like this, so the same mail may also come to the sender's INBOX.
    fingerprint: fingerprintFor(mail, `sent ${mailboxId}`),
  };
}

function fingerprintFor({ message, contentHash }: CopiedMail, recipient: string): string | null {
  const { envelope, header } = message;
  const { messageId } = header;
  return fingerprintOf({ reversePath: envelope.reversePath, recipient, messageId, contentHash });
}

/** RFC 3461 §5.2.1: what is added says to whom the mail was sent before it was sent on. RFC 6533 §3 for UTF-8. */
function originalOf(given: string): string {
  return `${/[^\0-\x7f]/.test(given) ? 'utf-8' : 'rfc822'};${given}`;
}
