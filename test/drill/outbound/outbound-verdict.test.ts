/** That every way in which an outbound path can be wrong has its own count. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger, type LedgerMail } from '../../support/ledger.ts';
import { fates } from './fates.ts';
import { collectTraces, failedRecipients, type Found } from './outbound-reading.ts';
import { isOutboundClean, judgeOutbound, type OutboundVerdict } from './outbound-verdict.ts';

const mail = (number: number, ...addresses: readonly string[]): LedgerMail => ({
  number,
  messageId: `<${number}@x>`,
  mailboxOf: new Map(addresses.map((address) => [address, address])),
});

const nothingFound: Found = { arrived: [], queued: [], doubts: [], doubtsThatEnd: [], reported: [] };

function judged(enter: (ledger: Ledger) => void, found: Partial<Found>): OutboundVerdict {
  const ledger = new Ledger();
  enter(ledger);
  return judgeOutbound(ledger, collectTraces({ ...nothingFound, ...found }));
}

const accepted = (ledger: Ledger): void => ledger.enter(mail(1, 'a', 'b', 'c'), 'accepted');

void test('outbound: an accepted recipient is delivered, queued, reported, or held in doubt', () => {
  const verdict = judged((ledger) => ledger.enter(mail(1, 'a', 'b', 'c', 'd'), 'accepted'), {
    ...{ arrived: ['a'], queued: ['b'], reported: ['c'], doubts: ['d'], doubtsThatEnd: ['d'] },
  });
  equal(isOutboundClean(verdict), true);
  const { delivered, queued, reported, leftInDoubt } = verdict;
  deepEqual([delivered, queued, reported, leftInDoubt], [1, 1, 1, 1]);
});

void test('outbound: a recipient of whom there is nothing is lost, also when a doubt was to be tried again', () => {
  const verdict = judged(accepted, { arrived: ['a'], doubts: ['b'] });
  deepEqual([verdict.lost, isOutboundClean(verdict)], [2, false]);
  match(verdict.faults[0] ?? '', /^lost: mail 1 \(accepted\), b, 0 copies, 0 DSNs, 1 times in doubt$/);
});

void test('outbound: a second copy is excused by as many lines of the in-doubt ledger, and by nothing else', () => {
  const verdict = judged(accepted, { arrived: ['a', 'a', 'b', 'b', 'c', 'c', 'c'], doubts: ['a', 'c'] });
  deepEqual([verdict.doubledInDoubt, verdict.doubled, isOutboundClean(verdict)], [1, 2, false]);
});

void test('outbound: two DSNs, and one for a recipient who has the mail, each have their count', () => {
  const verdict = judged(accepted, { arrived: ['a', 'c'], reported: ['a', 'b', 'b', 'c'], doubts: ['c'] });
  deepEqual([verdict.reportedTwice, verdict.contradicted, isOutboundClean(verdict)], [1, 1, false]);
});

void test('outbound: refused and found, unknown in part, and nobody knows who have their count', () => {
  const enter = (ledger: Ledger): void => {
    ledger.enter(mail(1, 'a'), 'refused');
    ledger.enter(mail(2, 'b', 'c'), 'unknown');
    ledger.enter(mail(3, 'd', 'e'), 'unknown');
    ledger.enter(mail(4, 'f'), 'refused');
  };
  const verdict = judged(enter, { arrived: ['a', 'b', 'x'], queued: ['f'] });
  deepEqual([verdict.refusedFound, verdict.torn, verdict.strays, verdict.unknown], [2, 1, 1, 2]);
  equal(isOutboundClean(verdict), false);
});

void test('outbound: a DSN names the recipients that failed, and not those that are delayed', () => {
  const block = (address: string, action: string): string =>
    `Final-Recipient: rfc822;${address}\r\nAction: ${action}\r\nStatus: 5.1.1\r\n\r\n`;
  const dsn = `Reporting-MTA: dns; mx.example\r\n\r\n${block('a@b', 'failed')}${block('c@d', 'delayed')}${block('e@f', 'failed')}`;
  deepEqual(failedRecipients(dsn), ['a@b', 'e@f']);
});

void test('outbound: the fates are all there is', () => {
  const sum = fates.reduce((total, { share }) => total + share, 0);
  equal(Math.abs(sum - 1) < 1e-9, true);
});
