/** A mailbox as the account commands see it: made with its folders, given a quota and addresses, and removed whole. */
import { Continue, type Turn } from '../../runtime/actor/actor.ts';
import { parseAddress } from '../mail/address.ts';
import { tombstoneTimer } from './feed.ts';
import { fingerprintTimer } from './fingerprints.ts';
import { newFolder, sweepTimer } from './folders.ts';
import { messagesPerTurnMax } from './bulk.ts';
import { OpenMailbox, openMailbox } from './open-mailbox.ts';
import type { FolderId, MailboxCommand } from './protocol.ts';
import { addressesMax, checkQuota, tellAddress } from './quota.ts';
import { mailboxExists, mailboxPurging, tooManyAddresses } from './refusals.ts';
import { addressKey, bodyTag, type HeadRow, headKey, inboxId, type Key, type MessageRow, rootId } from './rows.ts';

type Command<Kind> = MailboxCommand & { readonly kind: Kind };

/** RFC 6154 §2. INBOX is the first, since its id is the first. */
const firstFolders: readonly (readonly [name: string, specialUse: string | null])[] = [
  ['INBOX', null],
  ['Sent', '\\Sent'],
  ['Drafts', '\\Drafts'],
  ['Trash', '\\Trash'],
  ['Junk', '\\Junk'],
  ['Archive', '\\Archive'],
];

export function create(turn: Turn, { accountId, quotaBytes }: Command<'create'>): { readonly created: boolean } {
  checkQuota(quotaBytes);
  const there = turn.get<HeadRow>(headKey);
  if (there?.isPurging) throw mailboxPurging();
  if (there !== undefined && there.accountId !== accountId) throw mailboxExists();
  if (there !== undefined) return { created: false };
  const box = new OpenMailbox(turn, {
    accountId,
    quotaBytes,
    usedBytes: 0,
    messages: 0,
    modSeq: 0,
    nextFolderId: inboxId,
    folders: 0,
    lastUidValidity: 0,
    isFull: false,
    forgetsFingerprints: false,
    forgetsTombstones: false,
    fingerprintsFrom: 0,
    forgottenModSeq: 0,
    isPurging: false,
  });
  for (const [name, specialUse] of firstFolders) newFolder(box, rootId, name, specialUse);
  box.save();
  return { created: true };
}

export function setQuota(turn: Turn, { quotaBytes }: Command<'setQuota'>): Record<string, never> {
  checkQuota(quotaBytes);
  const box = openMailbox(turn);
  box.head.quotaBytes = quotaBytes;
  box.save();
  return {};
}

export function addAddress(turn: Turn, command: Command<'addAddress'>): Record<string, never> {
  const { head } = openMailbox(turn);
  const address = parseAddress(command.address).normalised;
  const others = turn.range({ prefix: ['a'], limit: addressesMax });
  const isNew = !others.some(({ key }) => key[1] === address);
  if (isNew && others.length >= addressesMax) throw tooManyAddresses();
  if (isNew) turn.put(addressKey(address), true);
  // Also when it is not full: the address may have been told otherwise in an earlier life.
  tellAddress(turn, address, head.isFull);
  return {};
}

export function removeAddress(turn: Turn, command: Command<'removeAddress'>): Record<string, never> {
  openMailbox(turn);
  turn.delete(addressKey(parseAddress(command.address).normalised));
  return {};
}

export const purgeTimer = 'purge';
/** A chain that a dying node has broken off goes on by itself after so long. */
const purgeAgainMs = 60_000;

/** Removes everything. From the first turn on the mailbox is gone for all others. */
export function purge(
  turn: Turn,
  { progress = { after: null, removed: 0 } }: Command<'purge'>,
): { readonly removed: number } | Continue<MailboxCommand> {
  const head = turn.get<HeadRow>(headKey);
  if (head === undefined) return { removed: progress.removed };
  if (!head.isPurging) turn.put(headKey, { ...head, isPurging: true } satisfies HeadRow);
  const { last, messages } = removeRows(turn, progress.after);
  const removed = progress.removed + messages;
  if (last === null) return { removed };
  turn.setTimer(purgeTimer, turn.nowMs + purgeAgainMs);
  return new Continue<MailboxCommand>({ kind: 'purge', progress: { after: last, removed } });
}

export function purgeOn(turn: Turn): void {
  if (!turn.get<HeadRow>(headKey)?.isPurging) return;
  if (removeRows(turn, null).last !== null) turn.setTimer(purgeTimer, turn.nowMs);
}

/**
 * The head goes last, and with it the mailbox.
 * @param after where the turn before has stopped, so that rows whose removal is not committed yet are not read again
 * @returns the last row removed, null when that was all; and the number of messages among them
 */
function removeRows(turn: Turn, after: Key | null): { readonly last: Key | null; readonly messages: number } {
  const rows = turn.range<MessageRow>({
    prefix: [],
    ...(after === null ? {} : { from: after }),
    limit: messagesPerTurnMax,
  });
  let messages = 0;
  for (const { key, value } of rows) {
    if (key[0] === headKey[0]) continue;
    if (key[0] === 'm') {
      messages++;
      turn.releaseBody(value.body.hash, bodyTag(key[1] as FolderId, key[2] as number));
    }
    turn.delete(key);
  }
  if (rows.length === messagesPerTurnMax) return { last: rows.at(-1)?.key ?? null, messages };
  turn.delete(headKey);
  for (const timer of [tombstoneTimer, fingerprintTimer, sweepTimer, purgeTimer]) turn.clearTimer(timer);
  return { last: null, messages };
}
