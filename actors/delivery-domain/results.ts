/** What came of an attempt, recipient by recipient, and what becomes of the item. */
import { enterDoubt } from './doubt.ts';
import type { AttemptResult, DeliveryPolicy, RecipientResult } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { report } from './reports.ts';
import type { StateRow } from './rows.ts';

interface Settled {
  readonly position: number;
  readonly result: RecipientResult;
  readonly mx: string;
}

const replyCharactersMax = 300;

/** A result of an attempt that is not known (any more) changes nothing; one that comes late still counts. */
export function takeResult(queue: Queue, result: AttemptResult, policy: DeliveryPolicy): void {
  const item = queue.item(result.itemId);
  if (item === null || item.state.attempt?.id !== result.attemptId) return;
  const byAddress = new Map(result.recipients.map((each) => [each.address, each]));
  const settled = queue.left(item).map(([position, { address }]): Settled => {
    return { position, result: byAddress.get(address) ?? missing(address), mx: result.mx };
  });
  const of = (outcome: RecipientResult['outcome']): Settled[] =>
    settled.filter((each) => each.result.outcome === outcome);
  const delivered = of('delivered');
  const failed = of('failed');
  record(queue, item, 'delivered', delivered, result);
  record(queue, item, 'failed', failed, result);
  record(queue, item, 'deferred', of('deferred'), result);
  if (delivered.length > 0) report(queue, 'success', item, delivered);
  if (failed.length > 0) report(queue, 'failure', item, failed);
  goOn(queue, item, of('deferred'), of('inDoubt'), result, policy);
}

function goOn(
  queue: Queue,
  item: Item,
  deferred: readonly Settled[],
  inDoubt: readonly Settled[],
  { mx }: AttemptResult,
  policy: DeliveryPolicy,
): void {
  // A late result of an attempt that was given up already: that one counted, and its way is under way.
  const wasGivenUp = item.state.state !== 'attempting';
  let changes: Partial<StateRow> | null = null;
  if (inDoubt.length > 0 && !wasGivenUp) {
    const positions = inDoubt.map(({ position }) => position);
    changes = enterDoubt(queue, item, { cause: 'noReply', mx, positions, policy });
  }
  const left = [...deferred, ...(changes === null && !wasGivenUp ? [] : inDoubt)];
  if (left.length === 0) return queue.remove(item);
  const positions = left.map(({ position }) => position).sort((a, b) => a - b);
  if (wasGivenUp) return queue.change(item, { left: positions });
  if (changes !== null) return queue.change(item, { ...changes, left: positions });
  defer(queue, item, left, policy);
}

function defer(queue: Queue, item: Item, left: readonly Settled[], policy: DeliveryPolicy): void {
  const { turn } = queue;
  const attempts = item.state.attempts + 1;
  const ageMs = turn.nowMs - item.row.enqueuedMs;
  if (ageMs >= policy.expireMs) return expire(queue, item, left);
  let { isWarned } = item.state;
  if (!isWarned && policy.delayWarnMs > 0 && ageMs >= policy.delayWarnMs) {
    isWarned = true;
    report(queue, 'delay', item, left, item.row.enqueuedMs + policy.expireMs);
  }
  queue.change(item, {
    state: 'queued',
    attempt: null,
    attempts,
    // No later than its end, so that the sender hears of that in time.
    dueMs: Math.min(turn.nowMs + retryMs(policy, attempts), item.row.enqueuedMs + policy.expireMs),
    left: left.map(({ position }) => position).sort((a, b) => a - b),
    lastReply: replyText(left[0]!.result),
    isWarned,
  });
}

/** RFC 5321 §4.5.4.1: given up. The sender hears the last reply, under a status of ours (RFC 3463 §3.5). */
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

/** @param attempts those made so far, at least one */
export function retryMs({ retryMs: schedule }: DeliveryPolicy, attempts: number): number {
  return schedule[Math.min(attempts, schedule.length) - 1] ?? 3_600_000;
}

function replyText({ code, enhanced, text }: RecipientResult): string {
  const parts = [code === 0 ? '' : String(code), enhanced, text].filter((part) => part !== '');
  return parts.join(' ').slice(0, replyCharactersMax);
}

/** A courier that says nothing of a recipient has not tried it. */
function missing(address: string): RecipientResult {
  return { address, outcome: 'deferred', code: 0, enhanced: '4.3.0', text: 'no result' };
}

function record(
  queue: Queue,
  item: Item,
  kind: 'delivered' | 'failed' | 'deferred',
  settled: readonly Settled[],
  { mx, ip, tls, source, tookMs }: AttemptResult,
): void {
  const [first] = settled;
  if (first === undefined) return;
  const { code, enhanced, text } = first.result;
  const detail = {
    domain: queue.turn.key,
    item: item.id,
    recipients: settled.length,
    to: settled.length === 1 ? first.result.address : null,
    attempt: item.state.attempts + 1,
    ...{ mx, ip, source, code, enhanced, text: text.slice(0, replyCharactersMax), tookMs },
    tls: tls.outcome,
  };
  queue.turn.record({ subject: item.row.message.mailId, kind, detail });
}
