/** All that a mailbox can be asked, and what it answers. Key: the mailbox id, which never changes. */
import { type BodyRef, defineActor } from '../../runtime/actor/actor.ts';
import type { HeaderFacts, IncomingMessage, Recipient } from '../mail/message.ts';

/** Stable for the life of a folder; a name may change. */
export type FolderId = number;
/** RFC 9051 §2.3.1.1: strictly grows in a folder, never reused. */
export type Uid = number;
/** RFC 7162 §3.1: one counter a mailbox, so that it grows across folders too. */
export type ModSeq = number;

export interface Folder {
  readonly folderId: FolderId;
  /** UTF-8, parts joined by `/`; `INBOX` always exists. */
  readonly name: string;
  readonly uidValidity: number;
  readonly uidNext: Uid;
  readonly highestModSeq: ModSeq;
  readonly messages: number;
  readonly unseen: number;
  readonly sizeBytes: number;
  /** RFC 6154, e.g. `\Sent`; null when it has none. */
  readonly specialUse: string | null;
}

export interface Message {
  readonly uid: Uid;
  readonly folderId: FolderId;
  readonly modSeq: ModSeq;
  /** RFC 8474: the same for all copies. */
  readonly emailId: string;
  readonly threadId: string;
  readonly mailId: string;
  /** System flags with backslash, keywords without; sorted. */
  readonly flags: readonly string[];
  readonly internalDateMs: number;
  /** Of prefix and body together. */
  readonly sizeBytes: number;
  readonly prefix: Uint8Array;
  readonly body: BodyRef;
  readonly header: HeaderFacts;
  readonly address: string;
  readonly reversePath: string;
  /** Slot for ENVELOPE and BODYSTRUCTURE facts, computed by an edge; null until then. */
  readonly structure: unknown;
}

export interface MailboxSummary {
  readonly exists: boolean;
  readonly accountId: string | null;
  readonly messages: number;
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly quotaBytes: number;
  readonly highestModSeq: ModSeq;
}

/** An entry of the change feed: the last change of a message, or its removal. */
export interface Change {
  readonly modSeq: ModSeq;
  readonly folderId: FolderId;
  readonly uid: Uid;
  readonly what: 'added' | 'flags' | 'removed';
}

export type MailboxCommand =
  /** `quotaBytes` 0: no limit. Who asks takes it from the setting `mailbox.quotaBytes` where nobody said otherwise. */
  | { readonly kind: 'create'; readonly accountId: string; readonly quotaBytes: number }
  | { readonly kind: 'deliver'; readonly message: IncomingMessage; readonly recipient: Recipient }
  /** IMAP APPEND and import: own date and flags; refused with `overQuota`. */
  | {
      readonly kind: 'append';
      readonly folder: string;
      readonly message: IncomingMessage;
      readonly flags: readonly string[];
      readonly internalDateMs: number;
      /** Makes a repeated import find its own message; null for none. */
      readonly fingerprint: string | null;
      readonly createFolder: boolean;
    }
  | {
      readonly kind: 'setFlags';
      readonly folderId: FolderId;
      readonly uids: readonly Uid[];
      readonly mode: 'add' | 'remove' | 'replace';
      readonly flags: readonly string[];
      /** RFC 7162 UNCHANGEDSINCE; null for always. */
      readonly unchangedSince: ModSeq | null;
      readonly progress?: Progress & { readonly changed: Uid[]; readonly modified: Uid[] };
    }
  | {
      readonly kind: 'copy' | 'move';
      readonly folderId: FolderId;
      readonly uids: readonly Uid[];
      readonly toFolderId: FolderId;
      readonly progress?: Progress & { readonly pairs: (readonly [Uid, Uid])[] };
    }
  /** `uids` null: all messages that have \Deleted. */
  | {
      readonly kind: 'expunge';
      readonly folderId: FolderId;
      readonly uids: readonly Uid[] | null;
      /** Of `uids`, only those that have \Deleted at that moment: IMAP's UID EXPUNGE (RFC 9051 §6.4.9). */
      readonly onlyDeleted?: boolean;
      readonly progress?: Progress & { readonly removed: Uid[] };
    }
  | { readonly kind: 'createFolder'; readonly name: string; readonly specialUse: string | null }
  | { readonly kind: 'renameFolder'; readonly folderId: FolderId; readonly name: string }
  | { readonly kind: 'deleteFolder'; readonly folderId: FolderId }
  | { readonly kind: 'setQuota'; readonly quotaBytes: number }
  /** An address that leads here, so that it can be told of a full mailbox. */
  | { readonly kind: 'addAddress' | 'removeAddress'; readonly address: string }
  /** Removes everything, in a chain of turns. */
  | {
      readonly kind: 'purge';
      readonly progress?: { readonly after: readonly (string | number)[] | null; readonly removed: number };
    };

/** Never sent by others: how far a command that takes several turns has come. `at` is the first item still to do. */
interface Progress {
  readonly at: number;
}

export type MailboxQuery =
  | { readonly kind: 'summary' }
  | { readonly kind: 'folders' }
  /** Messages of a folder in UID order, behind `afterUid`. */
  | { readonly kind: 'messages'; readonly folderId: FolderId; readonly afterUid: Uid; readonly limit: number }
  /** By UID in a folder. */
  | { readonly kind: 'message'; readonly folderId: FolderId; readonly uid: Uid }
  | { readonly kind: 'changes'; readonly since: ModSeq; readonly limit: number }
  /** Newest first, over all folders, by mail id: for traces. */
  | { readonly kind: 'recentMail'; readonly limit: number };

export type MailboxNotice = {
  readonly kind: 'deliver';
  readonly message: IncomingMessage;
  readonly recipient: Recipient;
};

export interface Uids {
  /** Pairs of old and new UID, in the order given. */
  readonly pairs: readonly (readonly [Uid, Uid])[];
  readonly uidValidity: number;
}

export interface MailboxAnswers {
  create: { readonly created: boolean };
  /** `mailId` of the first delivery when this is a resend of it. */
  deliver: { readonly uid: Uid; readonly folderId: FolderId; readonly mailId: string; readonly resend: boolean };
  append: { readonly uid: Uid; readonly folderId: FolderId; readonly uidValidity: number; readonly resend: boolean };
  setFlags: { readonly changed: readonly Uid[]; readonly modified: readonly Uid[]; readonly modSeq: ModSeq };
  copy: Uids;
  move: Uids;
  expunge: { readonly removed: readonly Uid[] };
  createFolder: { readonly folderId: FolderId };
  renameFolder: Record<string, never>;
  deleteFolder: Record<string, never>;
  setQuota: Record<string, never>;
  addAddress: Record<string, never>;
  removeAddress: Record<string, never>;
  purge: { readonly removed: number };
  summary: MailboxSummary;
  folders: readonly Folder[];
  messages: readonly Message[];
  message: Message | null;
  /** `isComplete` false: removals between `since` and now may be forgotten (30 days), so read the folders anew. */
  changes: { readonly changes: readonly Change[]; readonly next: ModSeq | null; readonly isComplete: boolean };
  recentMail: readonly { readonly mailId: string; readonly uid: Uid; readonly folderId: FolderId }[];
}

export interface MailboxProtocol {
  command: MailboxCommand;
  query: MailboxQuery;
  notice: MailboxNotice;
  answers: MailboxAnswers;
}

export const mailboxes = defineActor<MailboxProtocol>('mailbox');
