/**
 * What each destination of a mail gets: one copy a mailbox, one share a remote domain.
 *
 * Promises: each mailbox and each address elsewhere, as it goes out, is named once; of two recipients that lead to it, the
 * first one given stands for both. A copy's own header lines name its own recipient only (RFC 5321 §7.6).
 */
import type { DsnRequest, DsnWishes, NotifyOn } from '../mail/dsn-wishes.ts';
import { fingerprintOf } from '../mail/fingerprint.ts';
import type { IncomingMessage, Recipient } from '../mail/message.ts';
import type { RemoteRecipient } from '../mail/outgoing.ts';
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
  readonly dsn: DsnRequest;
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
  for (const recipient of routed) {
    const { given, normalised, mailboxIds } = recipient;
    if (mailboxIds.length === 0) continue;
    let wishes = wishesOf(mail, recipient);
    const prefix = headerLines(returnPath + linesOf(given));
    const fingerprint = fingerprintFor(mail, normalised);
    for (const mailboxId of mailboxIds) {
      if (byMailbox.has(mailboxId)) continue;
      const copy = { mailboxId, address: given, prefix, folder, fingerprint };
      byMailbox.set(mailboxId, wishes === null ? copy : { ...copy, wishes });
      wishes &&= withoutSuccess(wishes);
    }
  }
  return [...byMailbox.values()];
}

function wishesOf({ dsn }: CopiedMail, { notify, orcpt }: RoutedRecipient): DsnWishes | null {
  const isAsked = [notify, orcpt, dsn.ret, dsn.envelopeId].some((wish) => wish !== null);
  return isAsked ? { notify, orcpt, dsn } : null;
}

/** One copy of an alias's says that it has arrived: a report for each would tell how many there are. */
function withoutSuccess(wishes: DsnWishes): DsnWishes {
  const notify = wishes.notify?.filter((on) => on !== 'success') ?? null;
  return { ...wishes, notify: notify?.length === 0 ? ['never'] : notify };
}

export function remoteShares(mail: CopiedMail, routed: readonly RoutedRecipient[]): RemoteShare[] {
  const byDomain = new Map<string, Map<string, RemoteRecipient>>();
  for (const recipient of routed) {
    for (const { address, normalised, domain } of recipient.remote) {
      let share = byDomain.get(domain);
      if (share === undefined) byDomain.set(domain, (share = new Map<string, RemoteRecipient>()));
      if (share.has(address)) continue;
      const orcpt = recipient.orcpt ?? (normalised === recipient.normalised ? null : originalOf(recipient.given));
      share.set(address, { address, notify: recipient.notify, orcpt, fingerprint: fingerprintFor(mail, address) });
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
