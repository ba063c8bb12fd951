/**
 * The one place where a message is added, changed or removed.
 *
 * Promises: message row, feed, tombstones, \Deleted index, counters and the hold on its body change together, so that
 * counters equal a recount, the feed has exactly one row a live message, and no body outlives or precedes its message.
 * UIDs strictly grow and are never given twice (RFC 9051 §2.3.1.1).
 */
import { rememberTombstone } from './feed.ts';
import type { OpenFolder, OpenMailbox } from './open-mailbox.ts';
import type { Uid } from './protocol.ts';
import { folderSpent } from './refusals.ts';
import {
  bodyTag,
  deletedKey,
  type FeedRow,
  feedKey,
  isDeleted,
  isSeen,
  type MessageRow,
  messageKey,
  sizeOf,
} from './rows.ts';

/** RFC 9051 §9: a UID is a non-zero 32-bit number; the last one stays unused, so that UIDNEXT can be told. */
const uidMax = 4_294_967_294;

/** Gives it the next UID and MODSEQ of where it goes. */
export function addMessage(box: OpenMailbox, folder: OpenFolder, content: Omit<MessageRow, 'modSeq'>): Uid {
  const { turn, head } = box;
  const uid = folder.row.uidNext;
  if (uid > uidMax) throw folderSpent();
  const message = { ...content, modSeq: box.nextModSeq() };
  folder.row.uidNext = uid + 1;
  turn.put(messageKey(folder.id, uid), message);
  turn.put(feedKey(message.modSeq), [folder.id, uid, 'added'] satisfies FeedRow);
  if (isDeleted(message)) turn.put(deletedKey(folder.id, uid), true);
  turn.holdBody(message.body, bodyTag(folder.id, uid));
  count(box, folder, message, 1);
  folder.row.highestModSeq = head.modSeq;
  box.changed(folder);
  return uid;
}

/** @param flags normalised, and other than those it has */
export function changeFlags(
  box: OpenMailbox,
  folder: OpenFolder,
  uid: Uid,
  message: MessageRow,
  flags: readonly string[],
): void {
  const { turn } = box;
  const changed = { ...message, flags, modSeq: box.nextModSeq() };
  turn.put(messageKey(folder.id, uid), changed);
  turn.delete(feedKey(message.modSeq));
  turn.put(feedKey(changed.modSeq), [folder.id, uid, 'flags'] satisfies FeedRow);
  if (isDeleted(changed) && !isDeleted(message)) turn.put(deletedKey(folder.id, uid), true);
  if (!isDeleted(changed) && isDeleted(message)) turn.delete(deletedKey(folder.id, uid));
  folder.row.unseen += Number(!isSeen(changed)) - Number(!isSeen(message));
  folder.row.highestModSeq = changed.modSeq;
  box.changed(folder);
}

/** What is left of it is a tombstone in the feed. */
export function removeMessage(box: OpenMailbox, folder: OpenFolder, uid: Uid, message: MessageRow): void {
  const { turn } = box;
  turn.delete(messageKey(folder.id, uid));
  turn.delete(feedKey(message.modSeq));
  if (isDeleted(message)) turn.delete(deletedKey(folder.id, uid));
  folder.row.highestModSeq = rememberTombstone(box, folder.id, uid);
  turn.releaseBody(message.body.hash, bodyTag(folder.id, uid));
  count(box, folder, message, -1);
  box.changed(folder);
}

function count({ head }: OpenMailbox, { row }: OpenFolder, message: MessageRow, by: 1 | -1): void {
  const sizeBytes = sizeOf(message) * by;
  row.messages += by;
  row.sizeBytes += sizeBytes;
  if (!isSeen(message)) row.unseen += by;
  head.messages += by;
  head.usedBytes += sizeBytes;
}
