/**
 * What the sender must be told (RFC 3461 §4.1, RFC 3464). A report is a row until a courier has written the mail that
 * says it; nothing is said of a mail with a null reverse-path (RFC 5321 §4.5.5).
 */
import type { NotifyOn } from '../mail/outgoing.ts';
import type { RecipientResult, Report } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { reportKey, type ReportRow } from './rows.ts';

/** Reports handed out at once. */
const pageMax = 20;

const wants: Readonly<Record<Report['kind'], NotifyOn>> = { failure: 'failure', delay: 'delay', success: 'success' };

/** Leaves out recipients of which the sender did not want to hear so. */
export function report(
  queue: Queue,
  kind: Report['kind'],
  item: Item,
  results: readonly { readonly position: number; readonly result: RecipientResult; readonly mx: string }[],
  willRetryUntilMs: number | null = null,
): void {
  const { turn, head } = queue;
  const { message, recipients, enqueuedMs } = item.row;
  if (message.envelope.reversePath === '') return;
  const told = results.flatMap(({ position, result, mx }) => {
    const { notify, orcpt } = recipients[position]!;
    const isWanted = notify === null ? kind !== 'success' : notify.includes(wants[kind]);
    return isWanted ? [{ ...result, orcpt, mx, willRetryUntilMs }] : [];
  });
  if (told.length === 0) return;
  const reportId = turn.newId();
  turn.put(reportKey(reportId), {
    reportId,
    kind,
    atMs: turn.nowMs,
    mailId: message.mailId,
    envelope: message.envelope,
    dsn: message.dsn,
    body: message.body,
    arrivedAtMs: enqueuedMs,
    recipients: told,
  } satisfies ReportRow);
  turn.holdBody(message.body, bodyTag(reportId));
  head.reports++;
}

export function pendingReports({ turn, head }: Queue): readonly Report[] {
  return head.reports === 0 ? [] : turn.range<ReportRow>({ prefix: ['p'], limit: pageMax }).map(({ value }) => value);
}

export function reported(queue: Queue, reportIds: readonly string[]): void {
  const { turn, head } = queue;
  for (const id of reportIds) {
    const row = turn.get<ReportRow>(reportKey(id));
    if (row === undefined) continue;
    turn.delete(reportKey(id));
    turn.releaseBody(row.body.hash, bodyTag(id));
    head.reports--;
  }
}

const bodyTag = (reportId: string): string => `report ${reportId}`;
