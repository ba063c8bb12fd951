/** What became of each recipient, from the far end's ledger and from the node's own command line. */
import { readFileSync } from 'node:fs';
import { readLedger } from '../../../bench/sink/ledger-file.ts';
import { until } from '../../../bench/measure/wait.ts';
import { expectDone } from '../../support/process-command.ts';
import { isSettled, nodeStatus } from '../../support/process-mailboxes.ts';
import type { RingpostNode } from '../../support/process-node.ts';
import type { Trace } from './outbound-verdict.ts';

/** Doubts wait for their attempt's time, and then are tried again. */
const settleMsMax = 180_000;

/** A row of `ringpost queue domains --json`, as far as it is read. */
interface DomainRow {
  readonly domain: string;
  readonly items: number;
  readonly reports: number;
}

/** Waits until no queue has a mail or a report left; false when the time is over before. */
export async function untilQueuesAreEmpty(node: RingpostNode): Promise<boolean> {
  const isEmpty = async (): Promise<boolean> => {
    const domains = await rowsOf<DomainRow>(node, ['queue', 'domains']);
    return domains.every(({ items, reports }) => items + reports === 0) && isSettled(await nodeStatus(node));
  };
  return until('every queue is empty', isEmpty, settleMsMax).then(
    () => true,
    () => false,
  );
}

interface ItemRow {
  readonly recipients: readonly string[];
}

interface InDoubtRow extends ItemRow {
  readonly decided: 'retry' | 'hold' | 'drop';
}

/** @param mboxPath the sender's mailbox is exported to it */
export async function readTraces(
  node: RingpostNode,
  ledgerPath: string,
  sender: string,
  mboxPath: string,
): Promise<ReadonlyMap<string, Trace>> {
  const queued = (await rowsOf<ItemRow>(node, ['queue', 'list'])).flatMap(({ recipients }) => recipients);
  const inDoubt = await rowsOf<InDoubtRow>(node, ['queue', 'in-doubt']);
  const words = ['mailbox', 'export', sender, mboxPath];
  expectDone(await node.cli(words), words.join(' '));
  return collectTraces({
    arrived: readLedger(ledgerPath).flatMap(({ to }) => to),
    queued,
    doubts: inDoubt.flatMap(({ recipients }) => recipients),
    doubtsThatEnd: inDoubt.filter(({ decided }) => decided !== 'retry').flatMap(({ recipients }) => recipients),
    reported: failedRecipients(readFileSync(mboxPath, 'latin1')),
  });
}

/** Addresses, each as often as it was found. */
export interface Found {
  readonly arrived: readonly string[];
  readonly queued: readonly string[];
  readonly doubts: readonly string[];
  readonly doubtsThatEnd: readonly string[];
  readonly reported: readonly string[];
}

export function collectTraces(found: Found): ReadonlyMap<string, Trace> {
  const traces = new Map<string, { -readonly [K in keyof Trace]: Trace[K] }>();
  const of = (address: string) => {
    const trace = traces.get(address) ?? { copies: 0, reports: 0, isQueued: false, doubts: 0, doubtsThatEnd: 0 };
    traces.set(address, trace);
    return trace;
  };
  for (const address of found.arrived) of(address).copies++;
  for (const address of found.queued) of(address).isQueued = true;
  for (const address of found.doubts) of(address).doubts++;
  for (const address of found.doubtsThatEnd) of(address).doubtsThatEnd++;
  for (const address of found.reported) of(address).reports++;
  return traces;
}

/** RFC 3464 §2.3: one block of fields a recipient; those whose action is `failed`. */
export function failedRecipients(mbox: string): string[] {
  return [...mbox.matchAll(/^Final-Recipient: *rfc822; *(\S+)\r?\n((?:[\w-]+:.*\r?\n(?:[ \t].*\r?\n)*)*)/gim)]
    .filter(([, , fields = '']) => /^Action: *failed/im.test(fields))
    .map(([, address = '']) => address);
}

async function rowsOf<T>(node: RingpostNode, words: readonly string[]): Promise<T[]> {
  const text = expectDone(await node.cli([...words, '--json']), words.join(' ')).toString('utf8');
  return JSON.parse(text) as T[];
}
