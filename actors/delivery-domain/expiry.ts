/** Mails that are given up because of their age (RFC 5321 §4.5.4.1), and when a mail is tried again. */
import type { DeliveryPolicy, RecipientResult } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { report } from './reports.ts';

/** One recipient's result. */
export interface Settled {
  readonly position: number;
  readonly result: RecipientResult;
  readonly mx: string;
}

/** @param attempts those made so far, at least one */
export function retryMs({ retryMs: schedule }: DeliveryPolicy, attempts: number): number {
  return schedule[Math.min(attempts, schedule.length) - 1] ?? 3_600_000;
}

export function isTooOld({ turn }: Queue, { row }: Item, { expireMs }: DeliveryPolicy): boolean {
  return turn.nowMs - row.enqueuedMs >= expireMs;
}

/**
 * The sender hears the last reply, or what was known last under a status of ours (RFC 3463 §3.5).
 * @param left those that are given up, where their results are at hand
 */
export function expire(queue: Queue, item: Item, left?: readonly Settled[]): void {
  const { lastReply } = item.state;
  const results =
    left ??
    queue.left(item).map(([position, { address }]): Settled => {
      const text = lastReply ?? 'no attempt reached a server';
      return { position, mx: '', result: { address, outcome: 'failed', code: 0, enhanced: '4.4.7', text } };
    });
  const detail = { domain: queue.turn.key, item: item.id, recipients: results.length, attempts: item.state.attempts };
  queue.turn.record({ subject: item.row.message.mailId, kind: 'expired', detail });
  const failed = results.map((each): Settled => ({ ...each, result: { ...each.result, outcome: 'failed' } }));
  report(queue, 'failure', item, failed);
  queue.remove(item);
}

/** One warning a mail (RFC 5321 §4.5.4.1 advises it after hours). Returns whether it was said by now. */
export function warnOfDelay(queue: Queue, item: Item, left: readonly Settled[], policy: DeliveryPolicy): boolean {
  const { delayWarnMs, expireMs } = policy;
  const { enqueuedMs } = item.row;
  if (item.state.isWarned || delayWarnMs === 0 || queue.turn.nowMs - enqueuedMs < delayWarnMs) {
    return item.state.isWarned;
  }
  report(queue, 'delay', item, left, enqueuedMs + expireMs);
  return true;
}
