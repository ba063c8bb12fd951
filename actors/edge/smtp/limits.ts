/**
 * Every bound of the SMTP edge, and the few settings that say how it behaves. Relations are asserted at start.
 *
 * Turning a limit up costs what its line says; all of them hold per edge worker, not per cluster.
 */
import { limits as coreLimits } from '../../../runtime/base/limits.ts';
import { invariant } from '../../../runtime/base/invariant.ts';

export interface SmtpLimits {
  /** RFC 1870: the largest body, announced as SIZE. One body of this size sits in memory until it is committed. */
  readonly messageBytesMax: number;
  /** Bodies that are being received or committed, together. Above it DATA is answered 452 4.3.1. */
  readonly dataBytesMax: number;
  /** A line of a body that has no end. Broken MIME with long lines is stored as it is, so this only stops absurdity. */
  readonly bodyLineBytesMax: number;
  /** RFC 5321 §4.5.3.1.4 asks for 512 and each extension adds to it. A longer command is skipped: 500 5.5.2. */
  readonly commandBytesMax: number;
  /** Bytes of one over-long command that are skipped before the connection is closed. */
  readonly commandSkipBytesMax: number;
  /** Mailboxes, and addresses elsewhere, that one recipient may expand to through aliases and forwards. */
  readonly aliasMailboxesMax: number;
  readonly aliasDepthMax: number;
  /** Mailboxes, and addresses elsewhere, of one mail, its recipients together: the spool tells them all in one turn. */
  readonly mailboxesMax: number;
  /** Received lines that name this host. A mail that comes back to us loops long before `receivedMax`. */
  readonly receivedOwnMax: number;
  /** Time without a whole command (RFC 5321 §4.5.3.2.7 would like 5 min for a client that does nothing wrong). */
  readonly silenceMsMax: number;
  /** In DATA: mean rate over `silenceMsMax` below which a client only holds memory. */
  readonly dataBytesPerSecondMin: number;
  /** Open connections of this edge, about 20 KB each. */
  readonly connectionsMax: number;
  /** Of one client: an IPv4 address, or an IPv6 /64, since a /64 belongs to one customer. */
  readonly connectionsPerClientMax: number;
  /** Permanent refusals without an accepted mail in between, before 421 4.7.0: address harvesting and broken clients. */
  readonly refusalsMax: number;
  /** How long a query (RCPT) may take. */
  readonly queryMsMax: number;
  /** How long a commit may take before 451. RFC 5321 §4.5.3.2.6 has the client wait ten minutes. */
  readonly commitMsMax: number;
}

export const defaultLimits: SmtpLimits = {
  messageBytesMax: 50 * 1024 * 1024,
  dataBytesMax: 256 * 1024 * 1024,
  bodyLineBytesMax: 1024 * 1024,
  commandBytesMax: 4096,
  commandSkipBytesMax: 1024 * 1024,
  aliasMailboxesMax: 1000,
  aliasDepthMax: 10,
  mailboxesMax: coreLimits.turnNoticesMax,
  receivedOwnMax: 5,
  silenceMsMax: 60_000,
  dataBytesPerSecondMin: 100,
  connectionsMax: 12_000,
  connectionsPerClientMax: 1000,
  refusalsMax: 100,
  queryMsMax: 20_000,
  commitMsMax: 30_000,
};

export interface SmtpSettings {
  /** Wait before the greeting, so that a client that talks first is found out (421). 0: greet at once. */
  readonly greetingDelayMs: number;
  /**
   * RFC 5321 §2.3.8 allows CR and LF only together. `refuse`: 554 5.6.0, nothing is changed on the way. `normalise`:
   * each bare one becomes CRLF, so the stored body is not what the client sent, but no relay can be smuggled through.
   */
  readonly bareLineEnds: 'refuse' | 'normalise';
  /** A mailbox over quota answers 552 5.2.2 in place of 452 4.2.2. */
  readonly overQuotaIsPermanent: boolean;
  /** RFC 5321 §4.5.3.1.8 asks for 100 at least. One routed recipient is about 500 bytes until the commit. */
  readonly recipientsMax: number;
  /** RFC 5321 §6.3: Received lines at which a mail is taken to loop ("at least 100"). */
  readonly receivedMax: number;
}

export const defaultSettings: SmtpSettings = {
  greetingDelayMs: 0,
  bareLineEnds: 'refuse',
  overQuotaIsPermanent: false,
  recipientsMax: 1000,
  receivedMax: 100,
};

/** @throws {InvariantError} when the limits contradict each other */
export function checkLimits(limits: SmtpLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    invariant(Number.isSafeInteger(value) && value > 0, `smtp limit ${name} is a positive integer`);
  }
  invariant(limits.messageBytesMax <= limits.dataBytesMax, 'one mail of messageBytesMax fits into dataBytesMax');
  invariant(limits.commandBytesMax >= 512, 'commandBytesMax holds what RFC 5321 §4.5.3.1.4 asks for');
  invariant(limits.aliasMailboxesMax <= limits.mailboxesMax, 'the widest alias fits into one mail');
  invariant(limits.mailboxesMax <= coreLimits.turnNoticesMax, 'the spool can tell all mailboxes of a mail in one turn');
  invariant(
    limits.connectionsPerClientMax <= limits.connectionsMax,
    'one client cannot have more connections than all',
  );
}
