/** What is in the mailboxes in the end, read through the command line, and a sample of it byte by byte. */
import { until } from '../../bench/measure/wait.ts';
import type { Ledger, Mailboxes, StoredMail } from '../support/ledger.ts';
import { isSettled, listMailbox, nodeStatus, prefixOf, showMail } from '../support/process-mailboxes.ts';
import type { RingpostNode } from '../support/process-node.ts';
import type { Chance } from './chance.ts';
import type { MailMaker } from './mails.ts';

const settleMsMax = 60_000;

/** Waits until every accepted mail has left the spool. */
export async function untilSettled(node: RingpostNode): Promise<void> {
  await until('the outbox is empty', async () => isSettled(await nodeStatus(node)), settleMsMax);
}

export async function readMailboxes(node: RingpostNode, addresses: readonly string[]): Promise<Mailboxes> {
  const mailboxes = new Map<string, readonly StoredMail[]>();
  // One after the other: each list is a process of its own.
  for (const address of addresses) mailboxes.set(address, await listMailbox(node, address));
  return mailboxes;
}

interface Copy {
  readonly mailbox: string;
  readonly number: number;
  readonly uid: number;
}

/** Reads `count` copies of accepted mails. @returns the faults, in words */
export async function compareBytes(
  node: RingpostNode,
  ledger: Ledger,
  mailboxes: Mailboxes,
  maker: MailMaker,
  chance: Chance,
  count: number,
): Promise<string[]> {
  const faults: string[] = [];
  for (const { mailbox, uid, number } of chance.pickSome(acceptedCopies(ledger, mailboxes), count)) {
    try {
      prefixOf(await showMail(node, mailbox, uid), maker.make(number).bytes);
    } catch (error) {
      faults.push(`bytes: mail ${number} in ${mailbox}, uid ${uid}: ${(error as Error).message}`);
    }
  }
  return faults;
}

function acceptedCopies(ledger: Ledger, mailboxes: Mailboxes): Copy[] {
  const copies: Copy[] = [];
  const uidOf = new Map<string, number>();
  for (const [mailbox, mails] of mailboxes) {
    for (const { uid, messageId } of mails) uidOf.set(`${mailbox} ${messageId.replace(/^<|>$/g, '')}`, uid);
  }
  for (const { outcome, number, messageId, mailboxOf } of ledger.entries) {
    if (outcome !== 'accepted') continue;
    for (const mailbox of new Set(mailboxOf.values())) {
      const uid = uidOf.get(`${mailbox} ${messageId.replace(/^<|>$/g, '')}`);
      if (uid !== undefined) copies.push({ mailbox, number, uid });
    }
  }
  return copies;
}
