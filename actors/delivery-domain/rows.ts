/**
 * What a delivery domain keeps: the keys of its rows, and what is in each.
 *
 * An item is two rows: what never changes (envelope, recipients, prefix) and its state, so that an attempt writes a hundred
 * bytes and not the whole of it. Everything that is looked for by time has an index row of its own that begins with the
 * time; the queue is never passed through to find what is due.
 */
import type { KeyPart } from '../../runtime/store/keys.ts';
import type { OutgoingMessage, RemoteRecipient } from '../mail/outgoing.ts';
import type { CourierId, DeliveryPolicy, InDoubtEntry, ItemId, ItemState, Report } from './protocol.ts';

export type Key = readonly KeyPart[];
export type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

export const headKey: Key = ['h'];
export const itemKey = (itemId: ItemId): Key => ['i', itemId];
export const stateKey = (itemId: ItemId): Key => ['s', itemId];
/** Queued items, and in-doubt ones that will be tried again, by time. */
export const dueKey = (dueMs: number, itemId: ItemId): Key => ['d', dueMs, itemId];
/** Begun attempts, by the time at which they are in doubt. */
export const attemptKey = (untilMs: number, itemId: ItemId): Key => ['a', untilMs, itemId];
/** Dropped items that can still be undone, by the time of their end. */
export const droppedKey = (untilMs: number, itemId: ItemId): Key => ['x', untilMs, itemId];
export const dialogueKey = (dialogue: string): Key => ['g', dialogue];
export const reportKey = (reportId: string): Key => ['p', reportId];
/** When a report is handed out (again), and by that time. */
export const reportTimesKey = (reportId: string): Key => ['t', reportId];
export const reportDueKey = (dueMs: number, reportId: string): Key => ['e', dueMs, reportId];
/** In order of time, since entry ids are. */
export const ledgerKey = (entryId: string): Key => ['l', entryId];
/** By day, so that expiry is a range from the start. */
export const fingerprintKey = (day: number, fingerprint: string): Key => ['f', day, fingerprint];

/** One a domain. Written by every command, so it is small. */
export interface HeadRow {
  readonly queued: number;
  readonly attempting: number;
  readonly inDoubt: number;
  readonly held: number;
  readonly dropped: number;
  readonly reports: number;
  readonly dialogues: number;
  readonly isPaused: boolean;
  /** Rate limit: when the next attempt would be due if all had come evenly (GCRA's theoretical arrival time). */
  readonly arrivalMs: number;
  /** Attempts in a row that reached no server, and until when none is made. */
  readonly unreached: number;
  readonly unreachedUntilMs: number;
  /** When the timer `wake` fires; null: it is not set. */
  readonly wakeMs: number | null;
  /** Announcements since a courier last came. */
  readonly announced: number;
  /** `CourierId.start` of who came last: another may mean that it is gone. Null before the first. */
  readonly courierStart: string | null;
  /** What the courier last said. Null before the first. */
  readonly policy: DeliveryPolicy | null;
  /** A timer that forgets old fingerprints and ledger entries is set. */
  readonly forgets: boolean;
}

export const firstHead: HeadRow = {
  queued: 0,
  attempting: 0,
  inDoubt: 0,
  held: 0,
  dropped: 0,
  reports: 0,
  dialogues: 0,
  isPaused: false,
  arrivalMs: 0,
  unreached: 0,
  unreachedUntilMs: 0,
  wakeMs: null,
  announced: 0,
  courierStart: null,
  policy: null,
  forgets: false,
};

export interface ItemRow {
  readonly message: OutgoingMessage;
  readonly recipients: readonly RemoteRecipient[];
  readonly enqueuedMs: number;
}

export interface AttemptRow {
  readonly id: string;
  readonly dialogue: string;
  readonly courier: CourierId;
  readonly begunMs: number;
  readonly untilMs: number;
}

export interface StateRow {
  readonly state: ItemState;
  readonly attempts: number;
  /** Queued, and in doubt with a second try to come: when; else null. */
  readonly dueMs: number | null;
  /** Of the attempt that runs, or that is in doubt. */
  readonly attempt: AttemptRow | null;
  /** Positions in `ItemRow.recipients` that are not settled; null: all. */
  readonly left: readonly number[] | null;
  readonly lastReply: string | null;
  readonly route: string | null;
  readonly isWarned: boolean;
  /** Dropped by an operator: gone at that time; `state` is held meanwhile. */
  readonly droppedUntilMs: number | null;
}

export interface DialogueRow {
  readonly courier: CourierId;
  /** Its slot is free again then, whatever became of it. */
  readonly untilMs: number;
  /** Mails that it was given and has told nothing of. */
  readonly inHand: number;
}

export type ReportRow = Report;

export interface ReportTimesRow {
  readonly dueMs: number;
  /** How often it was handed out. */
  readonly handed: number;
}
export type LedgerRow = InDoubtEntry;
