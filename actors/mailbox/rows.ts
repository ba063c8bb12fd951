/**
 * What a mailbox keeps: the keys of its rows, and what is in each.
 *
 * A delivery writes five of them (head, folder, message, feed, fingerprint), whatever the size of the mailbox. The
 * small ones that exist once a message are tuples, since their names would be most of their bytes.
 */
import type { BodyRef } from '../../runtime/actor/actor.ts';
import type { KeyPart } from '../../runtime/store/keys.ts';
import type { HeaderFacts } from '../mail/message.ts';
import type { FolderId, Message, ModSeq, Uid } from './protocol.ts';

export type Key = readonly KeyPart[];
export type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

/** Parent of the folders at the top. */
export const rootId: FolderId = 0;
/** The same in every mailbox, so that a delivery to INBOX looks up no name. */
export const inboxId: FolderId = 1;

export const headKey: Key = ['h'];
export const folderKey = (folderId: FolderId): Key => ['f', folderId];
/** By name: parent and own name in lower case -> folder id. A rename thus changes one folder, however many are below. */
export const folderNameKey = (parentId: FolderId, foldedName: string): Key => ['fn', parentId, foldedName];
export const messageKey = (folderId: FolderId, uid: Uid): Key => ['m', folderId, uid];
/** Messages that have \Deleted, so that EXPUNGE need not look for them. */
export const deletedKey = (folderId: FolderId, uid: Uid): Key => ['d', folderId, uid];
/** The feed: one row a live message, at its last change. */
export const feedKey = (modSeq: ModSeq): Key => ['c', modSeq];
/** Messages that are gone. Apart from the feed, so that old ones are found without passing the living. */
export const tombstoneKey = (modSeq: ModSeq): Key => ['g', modSeq];
/** By day, so that expiry is a range from the start. */
export const fingerprintKey = (day: number, fingerprint: string): Key => ['fp', day, fingerprint];
/** Addresses that lead here. */
export const addressKey = (address: string): Key => ['a', address];
/** Deleted folders whose messages are still to be removed. */
export const sweepKey = (folderId: FolderId): Key => ['z', folderId];

export const bodyTag = (folderId: FolderId, uid: Uid): string => `${folderId}:${uid}`;

/** One a mailbox; its being there is the mailbox's. */
export interface HeadRow {
  readonly accountId: string;
  /** 0: no limit. */
  readonly quotaBytes: number;
  readonly usedBytes: number;
  readonly messages: number;
  readonly modSeq: ModSeq;
  readonly nextFolderId: FolderId;
  /** Deleted ones count until their last message is removed. */
  readonly folders: number;
  readonly lastUidValidity: number;
  /** What the addresses were told last. */
  readonly isFull: boolean;
  /** A timer that forgets old fingerprints is set; the same for tombstones. */
  readonly forgetsFingerprints: boolean;
  readonly forgetsTombstones: boolean;
  /** No fingerprint is of an older day, counted from 1970: a mailbox that began today has none of yesterday to look for. */
  readonly fingerprintsFrom: number;
  /** Tombstones up to here are forgotten. */
  readonly forgottenModSeq: ModSeq;
  /** `purge` is on its way: for all others the mailbox is gone. */
  readonly isPurging: boolean;
}

export interface FolderRow {
  readonly parentId: FolderId;
  /** Own name, without those above. */
  readonly name: string;
  readonly uidValidity: number;
  readonly uidNext: Uid;
  readonly highestModSeq: ModSeq;
  readonly messages: number;
  readonly unseen: number;
  readonly sizeBytes: number;
  readonly specialUse: string | null;
  /** Deleted; its messages are being removed. */
  readonly isGone: boolean;
}

export interface MessageRow {
  readonly modSeq: ModSeq;
  readonly emailId: string;
  readonly threadId: string;
  readonly mailId: string;
  readonly flags: readonly string[];
  readonly internalDateMs: number;
  readonly prefix: Uint8Array;
  readonly body: BodyRef;
  readonly header: HeaderFacts;
  readonly address: string;
  readonly reversePath: string;
}

export type FeedRow = readonly [folderId: FolderId, uid: Uid, what: 'added' | 'flags'];
export type TombstoneRow = readonly [folderId: FolderId, uid: Uid, removedMs: number];
export type FingerprintRow = readonly [folderId: FolderId, uid: Uid, mailId: string];

export const sizeOf = (row: MessageRow): number => row.prefix.byteLength + row.body.sizeBytes;

export const isSeen = (row: MessageRow): boolean => row.flags.includes('\\Seen');
export const isDeleted = (row: MessageRow): boolean => row.flags.includes('\\Deleted');

export function messageOf(folderId: FolderId, uid: Uid, row: MessageRow): Message {
  return { ...row, uid, folderId, sizeBytes: sizeOf(row), structure: null };
}
