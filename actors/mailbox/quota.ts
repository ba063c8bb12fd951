/**
 * The quota, and who is told of it.
 *
 * A delivery is never refused for it: the mail was accepted at RCPT. It is RCPT that must know, so a mailbox tells the
 * addresses that lead to it whenever it becomes full, and whenever it is no longer so (plan §9, §10).
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { addresses } from '../address/protocol.ts';
import { badQuota, overQuota } from './refusals.ts';
import type { HeadRow, Mutable } from './rows.ts';

/** Addresses of one mailbox: one turn tells them all, and may send 1,000 notices. */
export const addressesMax = 500;

/** @throws {OperationError} `badQuota` */
export function checkQuota(quotaBytes: number): void {
  if (!Number.isSafeInteger(quotaBytes) || quotaBytes < 0) throw badQuota();
}

/** @throws {OperationError} `overQuota` when so many bytes more do not fit */
export function checkRoom(head: HeadRow, moreBytes: number): void {
  if (head.quotaBytes > 0 && head.usedBytes + moreBytes > head.quotaBytes) throw overQuota();
}

/** Tells the addresses if `head` has crossed the quota since they were told last. */
export function tellIfCrossed(turn: Turn, head: Mutable<HeadRow>): void {
  const isFull = head.quotaBytes > 0 && head.usedBytes >= head.quotaBytes;
  if (isFull === head.isFull) return;
  head.isFull = isFull;
  for (const { key } of turn.range({ prefix: ['a'], limit: addressesMax })) tellAddress(turn, String(key[1]), isFull);
}

export function tellAddress(turn: Turn, address: string, full: boolean): void {
  turn.tell(addresses.ref(address), { kind: 'quota', full, mailboxId: turn.key });
}
