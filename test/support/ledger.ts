/**
 * The client's own account of what was sent and what was answered, and the comparison with what is in the mailboxes.
 *
 * Promises: an answer is never forgotten or softened: `accepted` stays, `unknown` becomes `accepted` by a resend that was
 * accepted and by nothing else. The comparison is pure, and each way in which a server can be wrong has a count of its own.
 * Leaves to others: sending (`smtp-delivery.ts`), reading mailboxes (the CLI).
 */
import { invariant } from '../../runtime/base/invariant.ts';
import type { Outcome } from './smtp-delivery.ts';

export interface LedgerMail {
  readonly number: number;
  readonly messageId: string;
  /** Address as sent -> mailbox that it leads to. Unknown users are not in it. */
  readonly mailboxOf: ReadonlyMap<string, string>;
}

export interface LedgerEntry extends LedgerMail {
  readonly outcome: Outcome;
  /** True when the mail was sent again after a lost reply. */
  readonly isResent: boolean;
  /** Mailboxes of all attempts: a resend may have been for fewer, and both may have come through. */
  readonly mayHave: ReadonlySet<string>;
}

export interface StoredMail {
  readonly uid: number;
  readonly messageId: string;
}

/** Mailbox address -> its mails, in the order in which the server lists them. */
export type Mailboxes = ReadonlyMap<string, readonly StoredMail[]>;

export interface Verdict {
  /** Mails, not copies, in all of these. */
  readonly accepted: number;
  /** Accepted mails that are in every mailbox they were for. */
  readonly found: number;
  readonly lost: number;
  /** Mails of which a mailbox has more than one copy, whatever was answered. */
  readonly doubled: number;
  readonly refused: number;
  readonly refusedFound: number;
  readonly unknown: number;
  readonly unknownFound: number;
  /** Unknown mails that some of their mailboxes have and others have not. */
  readonly torn: number;
  readonly resent: number;
  /** Copies in a mailbox that they were not for, or that nobody sent. */
  readonly strays: number;
  /** UIDs that repeat or do not grow. */
  readonly uidFaults: number;
  /** The first faults, in words. */
  readonly faults: readonly string[];
}

const faultsShownMax = 20;

export class Ledger {
  readonly #entries = new Map<number, LedgerEntry>();

  get entries(): Iterable<LedgerEntry> {
    return this.#entries.values();
  }

  get size(): number {
    return this.#entries.size;
  }

  count(outcome: Outcome): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (entry.outcome === outcome) count++;
    return count;
  }

  /** Enters what one attempt to send `mail` came to. */
  enter(mail: LedgerMail, outcome: Outcome): void {
    const before = this.#entries.get(mail.number);
    invariant(before === undefined || before.outcome !== 'accepted', 'an accepted mail is not sent again');
    const wasUnknown = before?.outcome === 'unknown';
    const mayHave = new Set([...mail.mailboxOf.values(), ...(before?.mayHave ?? [])]);
    // A refused resend says nothing of the first attempt.
    const kept = wasUnknown && outcome === 'refused' ? before : { ...mail, outcome };
    this.#entries.set(mail.number, { ...kept, mayHave, isResent: wasUnknown || before?.isResent === true });
  }
}

/** Holds the ledger against what is in the mailboxes. */
export function compare(ledger: Ledger, mailboxes: Mailboxes): Verdict {
  const copies = countCopies(mailboxes);
  const faults: string[] = [];
  const count = { found: 0, lost: 0, doubled: 0, refusedFound: 0, unknownFound: 0, torn: 0, strays: 0, resent: 0 };
  const expected = new Set<string>();
  for (const entry of ledger.entries) {
    const owed = new Set(entry.mailboxOf.values());
    const boxes = [...owed, ...[...entry.mayHave].filter((box) => !owed.has(box))];
    const counts = boxes.map((box) => copies.get(copyKey(box, entry.messageId)) ?? 0);
    for (const box of boxes) expected.add(copyKey(box, entry.messageId));
    if (entry.isResent) count.resent++;
    const fault = judge(entry, counts, counts.slice(0, owed.size), count);
    if (fault !== null) faults.push(`${fault}: mail ${entry.number} ${entry.messageId}, copies ${told(boxes, counts)}`);
  }
  for (const key of copies.keys()) {
    if (expected.has(key)) continue;
    count.strays++;
    faults.push(`stray: ${key}`);
  }
  const uids = uidFaults(mailboxes);
  faults.push(...uids);
  return {
    accepted: ledger.count('accepted'),
    refused: ledger.count('refused'),
    unknown: ledger.count('unknown'),
    ...count,
    uidFaults: uids.length,
    faults: faults.slice(0, faultsShownMax),
  };
}

/** True when nothing at all is wrong. */
export function isClean(verdict: Verdict): boolean {
  const { lost, doubled, refusedFound, torn, strays, uidFaults } = verdict;
  return lost + doubled + refusedFound + torn + strays + uidFaults === 0;
}

interface Counts {
  found: number;
  lost: number;
  doubled: number;
  refusedFound: number;
  unknownFound: number;
  torn: number;
}

/**
 * @param owed the counts of the mailboxes that were named in the attempt that decided
 * @returns the fault's name, or null
 */
function judge(entry: LedgerEntry, counts: readonly number[], owed: readonly number[], count: Counts): string | null {
  const isAnywhere = counts.some((n) => n > 0);
  const isEverywhere = owed.every((n) => n > 0);
  const isDoubled = counts.some((n) => n > 1);
  if (isDoubled) count.doubled++;
  switch (entry.outcome) {
    case 'accepted':
      if (isEverywhere) count.found++;
      else count.lost++;
      if (!isEverywhere) return 'lost';
      break;
    case 'refused':
      if (isAnywhere) count.refusedFound++;
      if (isAnywhere) return 'refused and found';
      break;
    case 'unknown':
      if (isAnywhere) count.unknownFound++;
      if (isAnywhere && !isEverywhere) count.torn++;
      if (isAnywhere && !isEverywhere) return 'torn';
      break;
  }
  return isDoubled ? 'doubled' : null;
}

function countCopies(mailboxes: Mailboxes): Map<string, number> {
  const copies = new Map<string, number>();
  for (const [box, mails] of mailboxes) {
    for (const { messageId } of mails) {
      const key = copyKey(box, messageId);
      copies.set(key, (copies.get(key) ?? 0) + 1);
    }
  }
  return copies;
}

/** RFC 9051 §2.3.1.1: UIDs are unique in a mailbox and grow in the order of arrival. */
function uidFaults(mailboxes: Mailboxes): string[] {
  const faults: string[] = [];
  for (const [box, mails] of mailboxes) {
    for (const [i, { uid }] of mails.entries()) {
      const before = mails[i - 1]?.uid ?? 0;
      if (!Number.isSafeInteger(uid) || uid <= before) faults.push(`uid ${uid} after ${before} in ${box}`);
    }
  }
  return faults;
}

/** What was seen in a mailbox before stays there, under the same UID: nobody deletes in a drill. */
export function vanished(earlier: readonly (readonly [string, StoredMail])[], mailboxes: Mailboxes): string[] {
  const now = new Set([...mailboxes].flatMap(([box, mails]) => mails.map((mail) => seenKey(box, mail))));
  return earlier.map(([box, mail]) => seenKey(box, mail)).filter((key) => !now.has(key));
}

function seenKey(box: string, { uid, messageId }: StoredMail): string {
  return `${copyKey(box, messageId)} uid ${uid}`;
}

/** A Message-ID is compared without its angle brackets. */
function copyKey(mailbox: string, messageId: string): string {
  return `${mailbox} ${messageId.replace(/^<|>$/g, '')}`;
}

function told(boxes: readonly string[], counts: readonly number[]): string {
  return boxes.map((box, i) => `${box}:${counts[i]}`).join(' ');
}
