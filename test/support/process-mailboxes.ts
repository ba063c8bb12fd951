/** What `ringpost` on the command line says of a running node's mailboxes and accounts. */
import { until } from '../../bench/measure/wait.ts';
import { expectDone } from './process-command.ts';
import type { RingpostNode } from './process-node.ts';

/** A row of `ringpost mailbox list --json`. */
export interface ListedMail {
  readonly uid: number;
  readonly folder: string;
  readonly size: number;
  readonly flags: readonly string[];
  readonly subject: string;
  readonly messageId: string;
  readonly receivedAt: string;
}

export const testPassword = 'correct horse battery staple';

export async function listMailbox(node: RingpostNode, address: string): Promise<ListedMail[]> {
  const words = ['mailbox', 'list', address, '--json'];
  return JSON.parse(expectDone(await node.cli(words), words.join(' ')).toString('utf8')) as ListedMail[];
}

/** The bytes as stored: the server's prefix and the mail. */
export async function showMail(node: RingpostNode, address: string, uid: number): Promise<Buffer> {
  const words = ['mailbox', 'show', address, String(uid), '--raw'];
  return expectDone(await node.cli(words), words.join(' '));
}

export async function addAccount(node: RingpostNode, address: string): Promise<void> {
  const words = ['account', 'add', address, '--password-stdin'];
  expectDone(await node.cli(words, `${testPassword}\n`), words.join(' '));
}

export async function addAlias(node: RingpostNode, alias: string, to: string): Promise<void> {
  const words = ['address', 'add', alias, '--to', to];
  expectDone(await node.cli(words), words.join(' '));
}

export async function nodeStatus(node: RingpostNode): Promise<Record<string, unknown>> {
  const words = ['status', '--json'];
  return JSON.parse(expectDone(await node.cli(words), words.join(' ')).toString('utf8')) as Record<string, unknown>;
}

/** Waits until a mailbox has `count` mails. @throws {Error} after `timeoutMs` */
export async function untilListed(
  node: RingpostNode,
  address: string,
  count: number,
  timeoutMs = 10_000,
): Promise<ListedMail[]> {
  let mails: ListedMail[] = [];
  const what = `${address} has ${count} mails`;
  const isThere = async (): Promise<boolean> => {
    mails = await listMailbox(node, address);
    return mails.length >= count;
  };
  await until(what, isThere, timeoutMs);
  return mails;
}

/**
 * The stored prefix: what stands before the mail as sent. Header lines of the server and nothing else.
 * @throws {Error} when the mail is not there byte for byte
 */
export function prefixOf(stored: Buffer, sent: Uint8Array): string {
  const cut = stored.length - sent.byteLength;
  if (cut < 0 || !stored.subarray(cut).equals(sent)) {
    throw new Error(`stored ${stored.length} bytes do not end with the ${sent.byteLength} bytes that were sent`);
  }
  const prefix = stored.toString('latin1', 0, cut);
  // RFC 5322 §2.2: field lines, with folded ones after them.
  const isHeader =
    /^(?:(?:Return-Path|Received|Authentication-Results|Delivered-To|X-[\w-]+):[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*$/;
  if (!isHeader.test(prefix))
    throw new Error(`the prefix is not header lines of the server: ${JSON.stringify(prefix)}`);
  return prefix;
}

/** True when no accepted mail is on its way from the spool to a mailbox. */
export function isSettled(status: Readonly<Record<string, unknown>>): boolean {
  return status['pending'] === 0;
}
