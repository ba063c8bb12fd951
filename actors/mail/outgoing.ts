/** The shapes of a mail that leaves for other servers. The remote end gets `prefix` followed by the shared body. */
import type { DsnRequest, NotifyOn } from './dsn-wishes.ts';
import type { IncomingMessage } from './message.ts';

export interface RemoteRecipient {
  /** As it goes into RCPT TO: the local part as given, the domain in A-labels. */
  readonly address: string;
  /** Null: as RFC 3461 §4.1 says where nothing was asked for (failure, and delay). */
  readonly notify: readonly NotifyOn[] | null;
  /** `rfc822;Ann@example.org`, decoded; null when not given. */
  readonly orcpt: string | null;
  /** As `Recipient.fingerprint`. */
  readonly fingerprint: string | null;
}

export interface OutgoingMessage extends IncomingMessage {
  /** Whole header lines with CRLF that go before the body: Received, DKIM-Signature. The same for all recipients. */
  readonly prefix: Uint8Array;
  readonly dsn: DsnRequest;
  /** Needs SMTPUTF8 (RFC 6531) at the next server. */
  readonly smtpUtf8: boolean;
}
