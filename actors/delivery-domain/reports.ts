/**
 * What the sender must be told (RFC 3461 §4.1, RFC 3464). A report is a row until a courier has written the mail that
 * says it; nothing is said of a mail with a null reverse-path (RFC 5321 §4.5.5).
 */
import { wantsReport } from '../mail/dsn-wishes.ts';
import type { DeliveryDomainNotice, DeliveryPolicy, RecipientResult, Report } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { reportDueKey, reportKey, type ReportRow, type ReportTimesRow, reportTimesKey } from './rows.ts';

/** Handed out at once: reports, and recipients of them. */
const pageMax = 20;
const recipientsMax = 200;
/** A report that was handed out and not settled is due again after this, each time after twice as long. */
const againMsMin = 30_000;
const againMsMax = 3_600_000;
/** Of a reply; the courier cuts it too, but a notice may bring any. */
const textCharactersMax = 300;

/** Leaves out recipients of which the sender did not want to hear so. */
export function report(
  queue: Queue,
  kind: Report['kind'],
  item: Item,
  results: readonly { readonly position: number; readonly result: RecipientResult; readonly mx: string }[],
  willRetryUntilMs: number | null = null,
): void {
  const { message, recipients, enqueuedMs: arrivedAtMs } = item.row;
  const told = results.flatMap(({ position, result, mx }) => {
    const recipient = recipients[position]!;
    if (!wantsReport(recipient, kind)) return [];
    const text = result.text.slice(0, textCharactersMax);
    return [{ ...result, text, orcpt: recipient.orcpt, mx, willRetryUntilMs }];
  });
  enter(queue, { kind, ...message, arrivedAtMs, recipients: told });
}

/** Of a mailbox here, which has asked whether the sender wants to hear so. */
export function reportOfMailbox(
  queue: Queue,
  { report: kind, message, wishes, result }: DeliveryDomainNotice & { readonly kind: 'report' },
): void {
  const recipients = [{ ...result, orcpt: wishes.orcpt, mx: '', willRetryUntilMs: null }];
  enter(queue, { kind, ...message, dsn: wishes.dsn, arrivedAtMs: message.receivedAtMs, recipients });
}

function enter(queue: Queue, report: Omit<Report, 'reportId' | 'atMs'>): void {
  const { turn, head } = queue;
  const { kind, mailId, envelope, dsn, body, arrivedAtMs, recipients } = report;
  if (recipients.length === 0 || envelope.reversePath === '') return;
  const reportId = turn.newId();
  const row = { reportId, kind, atMs: turn.nowMs, mailId, envelope, dsn, body, arrivedAtMs, recipients };
  turn.put(reportKey(reportId), row satisfies ReportRow);
  turn.put(reportTimesKey(reportId), { dueMs: turn.nowMs, handed: 0 } satisfies ReportTimesRow);
  turn.put(reportDueKey(turn.nowMs, reportId), null);
  turn.holdBody(body, bodyTag(reportId));
  head.reports++;
}

/**
 * Reports that are due, for a courier to write. One that is not `reported` is due again later and later, so that none stands
 * in the way of others (its sender's mailbox may be full); in the end it is given up like a mail.
 */
export function dueReports(queue: Queue, policy: DeliveryPolicy): readonly Report[] {
  const { turn, head } = queue;
  if (head.reports === 0) return [];
  const page: Report[] = [];
  let recipients = 0;
  for (const { key } of turn.range({ prefix: ['e'], to: ['e', turn.nowMs + 1], limit: pageMax })) {
    const id = String(key[2]);
    const row = turn.get<ReportRow>(reportKey(id))!;
    recipients += row.recipients.length;
    // An answer is kept with its command, so it is bounded as rows are.
    if (page.length > 0 && recipients > recipientsMax) break;
    if (turn.nowMs - row.atMs >= policy.expireMs) {
      turn.record({
        subject: row.mailId,
        kind: 'reportDropped',
        detail: { domain: turn.key, to: row.envelope.reversePath },
      });
      reported(queue, [id]);
      continue;
    }
    const { handed, dueMs } = turn.get<ReportTimesRow>(reportTimesKey(id))!;
    const nextMs = turn.nowMs + Math.min(againMsMax, againMsMin * 2 ** Math.min(handed, 10));
    turn.delete(reportDueKey(dueMs, id));
    turn.put(reportDueKey(nextMs, id), null);
    turn.put(reportTimesKey(id), { dueMs: nextMs, handed: handed + 1 } satisfies ReportTimesRow);
    page.push(row);
  }
  return page;
}

export function reported(queue: Queue, reportIds: readonly string[]): void {
  const { turn, head } = queue;
  for (const id of reportIds) {
    const row = turn.get<ReportRow>(reportKey(id));
    if (row === undefined) continue;
    const { dueMs } = turn.get<ReportTimesRow>(reportTimesKey(id))!;
    turn.delete(reportKey(id));
    turn.delete(reportTimesKey(id));
    turn.delete(reportDueKey(dueMs, id));
    turn.releaseBody(row.body.hash, bodyTag(id));
    head.reports--;
  }
}

const bodyTag = (reportId: string): string => `report ${reportId}`;
