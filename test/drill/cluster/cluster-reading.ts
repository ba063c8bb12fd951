/**
 * What is in the mailboxes in the end, through two nodes each: what one node took is read through another one as well, and
 * both must show the same.
 */
import { until } from '../../../bench/measure/wait.ts';
import type { StoredMail } from '../../support/ledger.ts';
import type { ClusterNode } from '../../support/process-cluster-node.ts';
import { isSettled, listMailbox, nodeStatus } from '../../support/process-mailboxes.ts';

const settleMsMax = 180_000;

export interface TwiceRead {
  readonly mailboxes: ReadonlyMap<string, readonly StoredMail[]>;
  /** Mailboxes that look different through another node, in words. */
  readonly differing: readonly string[];
}

/** Waits until no accepted mail is on its way to a mailbox any more, as each node sees it. */
export async function untilAllSettled(nodes: readonly ClusterNode[]): Promise<void> {
  for (const node of nodes) {
    const isEmpty = async (): Promise<boolean> => isSettled(await nodeStatus(node.life));
    await until(`the outbox of ${node.id} is empty`, isEmpty, settleMsMax);
  }
}

export async function readTwice(nodes: readonly ClusterNode[], addresses: readonly string[]): Promise<TwiceRead> {
  const mailboxes = new Map<string, readonly StoredMail[]>();
  const differing: string[] = [];
  for (const [i, address] of addresses.entries()) {
    const [one, other] = [nodes[i % nodes.length], nodes[(i + 1) % nodes.length]] as [ClusterNode, ClusterNode];
    // One after the other: each list is a process of its own.
    const shown = await listMailbox(one.life, address);
    const again = await listMailbox(other.life, address);
    mailboxes.set(address, shown);
    const difference = firstDifference(shown, again);
    if (difference !== null) differing.push(`differs: ${address} through ${one.id} and ${other.id}: ${difference}`);
  }
  return { mailboxes, differing };
}

export function firstDifference(one: readonly StoredMail[], other: readonly StoredMail[]): string | null {
  const told = (mail: StoredMail | undefined): string => (mail === undefined ? '-' : `${mail.uid} ${mail.messageId}`);
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const [a, b] = [told(one[i]), told(other[i])];
    if (a !== b) return `at place ${i + 1}, ${a} and ${b}`;
  }
  return null;
}
