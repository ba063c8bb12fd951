/**
 * The shapes of a mail on its way from an edge into mailboxes.
 *
 * A stored message is `prefix` (bytes of one recipient: Return-Path, Received) followed by the shared body, which is
 * exactly what the client sent, so that one copy on disk serves all recipients (plan §11).
 */
import type { BodyRef } from '../../runtime/actor/actor.ts';
import type { DsnWishes } from './dsn-wishes.ts';

/** What travels beside the bytes. */
export interface Envelope {
  /** As in MAIL FROM, without angle brackets; '' is the null path. */
  readonly reversePath: string;
  /** Account id of an authenticated submitter, or null. */
  readonly submitter: string | null;
  readonly tenant: string | null;
  /** Traffic class of outbound mail, e.g. `transactional`; null when unset. */
  readonly stream: string | null;
  readonly tags: readonly string[];
}

/** Facts of the header that lists show without opening the body. Decoded text, cut at 998 characters. */
export interface HeaderFacts {
  readonly subject: string;
  readonly from: string;
  /** Message-ID without angle brackets; null when there is none. */
  readonly messageId: string | null;
}

export interface IncomingMessage {
  /** Cluster-unique, names the mail in replies, events and traces. */
  readonly mailId: string;
  readonly body: BodyRef;
  readonly header: HeaderFacts;
  readonly envelope: Envelope;
  readonly receivedAtMs: number;
}

/** One recipient's share of a mail. */
export interface Recipient {
  readonly mailboxId: string;
  /** The address as it was given in RCPT TO. */
  readonly address: string;
  /** CRLF-ended header lines that go before the body. */
  readonly prefix: Uint8Array;
  /** Name of the target folder; `INBOX` unless an inspector says otherwise. */
  readonly folder: string;
  /** Flags that it has from the start, e.g. `\Seen` for a copy in Sent; none when left out. */
  readonly flags?: readonly string[];
  /** Makes the folder if it is not there; otherwise such a mail goes to INBOX. */
  readonly createsFolder?: boolean;
  /** What its sender asked to hear of it; left out: nothing in particular. */
  readonly wishes?: DsnWishes;
  /** Digest by which a client's resend is known (plan §9); null when the mail has no Message-ID. */
  readonly fingerprint: string | null;
}
