/**
 * Every mail that a client handed in, and what it was answered. An answer is never forgotten or softened: what was accepted
 * stays so, and what is unknown becomes accepted by a resend that was accepted, and by nothing else.
 */
import type { BodyRef } from '../../../runtime/actor/actor.ts';

export type MailOutcome = 'open' | 'accepted' | 'unknown' | 'refused';

export interface SentMail {
  readonly number: number;
  readonly body: BodyRef;
  readonly hasMessageId: boolean;
  /** Reverse-path. */
  readonly sender: string;
  readonly mailboxIds: readonly string[];
  /** Addresses elsewhere. */
  readonly remote: readonly string[];
  /** Flags that each copy begins with. */
  readonly flags: readonly string[];
  /** Of a DSN: the report, and of which mail and address it tells. */
  readonly report: { readonly reportId: string; readonly of: readonly string[] } | null;
  /** Under which it was accepted. */
  readonly mailIds: Set<string>;
  outcome: MailOutcome;
  /** Some attempt may have come through although another was refused. */
  isUnsure: boolean;
  acceptedMs: number | null;
  /** Who is at it: a report may be written by two couriers. */
  senders: number;
}

type Made = 'number' | 'mailIds' | 'outcome' | 'isUnsure' | 'acceptedMs' | 'senders';

export class MailLedger {
  readonly #byHash = new Map<string, SentMail>();
  #accepted = 0;

  get all(): Iterable<SentMail> {
    return this.#byHash.values();
  }

  get accepted(): number {
    return this.#accepted;
  }

  get size(): number {
    return this.#byHash.size;
  }

  enter(facts: Omit<SentMail, Made>): SentMail {
    const mail: SentMail = {
      ...facts,
      ...{ number: this.size + 1, mailIds: new Set(), outcome: 'open', isUnsure: false, acceptedMs: null, senders: 0 },
    };
    this.#byHash.set(mail.body.hash, mail);
    return mail;
  }

  of(hash: string): SentMail | undefined {
    return this.#byHash.get(hash);
  }

  acceptedNow(mail: SentMail, nowMs: number): void {
    if (mail.outcome === 'accepted') return;
    mail.outcome = 'accepted';
    mail.acceptedMs = nowMs;
    this.#accepted++;
  }

  opened(mail: SentMail): void {
    mail.senders++;
    if (mail.outcome !== 'accepted') mail.outcome = 'open';
  }

  /** The client gives up. */
  closed(mail: SentMail): void {
    mail.senders--;
    if (mail.outcome === 'open' && mail.senders === 0) mail.outcome = mail.isUnsure ? 'unknown' : 'refused';
  }
}

export const isTakenAtOnce = ({ mailboxIds, remote }: SentMail): boolean =>
  mailboxIds.length === 1 && remote.length === 0;
