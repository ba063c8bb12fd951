/** The mailboxes of a drill with several nodes, and the shard of each: whose leader serves it. */
import { shardOf } from '../../../runtime/actor/shard.ts';
import type { ClusterNode } from '../../support/process-cluster-node.ts';
import { expectDone } from '../../support/process-command.ts';
import { addAlias, testPassword } from '../../support/process-mailboxes.ts';
import type { AddressBook } from '../mails.ts';

export const domain = 'drill.example';
/** Of a cluster that was made by `ringpost init`. */
const shardCount = 256;

export interface Addresses {
  readonly book: AddressBook;
  readonly shardOfBox: ReadonlyMap<string, number>;
}

export function boxName(i: number): string {
  return `box${i}@${domain}`;
}

export async function makeAddresses(node: ClusterNode, boxes: number): Promise<Addresses> {
  expectDone(await node.cli(['domain', 'add', domain]), 'domain add');
  const book = new Map<string, string>();
  const shardOfBox = new Map<string, number>();
  for (let i = 0; i < boxes; i++) {
    const box = boxName(i);
    shardOfBox.set(box, shardOf('mailbox', await addBox(node, box), shardCount));
    book.set(box, box);
    if (i % 3 !== 1) continue;
    await addAlias(node.life, `alias${i}@${domain}`, box);
    book.set(`alias${i}@${domain}`, box);
  }
  return { book, shardOfBox };
}

/** @returns the id of its mailbox */
async function addBox(node: ClusterNode, address: string): Promise<string> {
  const words = ['account', 'add', address, '--password-stdin', '--json'];
  const answer = expectDone(await node.cli(words, `${testPassword}\n`), words.join(' '));
  return (JSON.parse(answer.toString('utf8')) as { mailboxId: string }).mailboxId;
}
