/** What came of an attempt, recipient by recipient, and what becomes of the item. */
import { enterDoubt } from './doubt.ts';
import { expire, isTooOld, retryMs, type Settled, warnOfDelay } from './expiry.ts';
import type { AttemptResult, DeliveryPolicy, RecipientResult } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { report } from './reports.ts';
import type { StateRow } from './rows.ts';

const replyCharactersMax = 300;

/**
 * A result of an attempt that is not known (any more) changes nothing; one that comes late still counts.
 * @returns whether the attempt was in hand until now
 */
export function takeResult(queue: Queue, result: AttemptResult, policy: DeliveryPolicy): boolean {
  const item = queue.item(result.itemId);
  if (item === null || item.state.attempt?.id !== result.attemptId) return false;
  const wasInHand = item.state.state === 'attempting';
  if (result.recipients.length === 0) putBack(queue, item);
  else settle(queue, item, result, policy);
  return wasInHand;
}

function settle(queue: Queue, item: Item, result: AttemptResult, policy: DeliveryPolicy): void {
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
  if (delivered.length > 0 && !result.dsnPassedOn) report(queue, 'success', item, delivered);
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
  if (item.state.state !== 'attempting') {
    const left = [...deferred, ...inDoubt];
    if (left.length === 0) queue.remove(item);
    else queue.change(item, { left: positionsOf(left) });
    return;
  }
  if (inDoubt.length === 0) {
    if (deferred.length === 0) queue.remove(item);
    else defer(queue, item, deferred, policy);
    return;
  }
  // Those of whom nobody knows go their own way; the others are merely late.
  if (deferred.length > 0) deferApart(queue, item, deferred, policy);
  enterDoubt(queue, item, { cause: 'noReply', mx, positions: positionsOf(inDoubt), policy });
}

const positionsOf = (settled: readonly Settled[]): number[] =>
  settled.map(({ position }) => position).sort((a, b) => a - b);

function defer(queue: Queue, item: Item, left: readonly Settled[], policy: DeliveryPolicy): void {
  if (isTooOld(queue, item, policy)) return expire(queue, item, left);
  queue.change(item, deferredState(queue, item, left, policy));
}

function deferApart(queue: Queue, item: Item, left: readonly Settled[], policy: DeliveryPolicy): void {
  const { turn } = queue;
  const recipients = left.map(({ position }) => item.row.recipients[position]!);
  const apart: Item = { id: turn.newId(), row: { ...item.row, recipients }, state: { ...item.state, left: null } };
  const own = left.map((each, position) => ({ ...each, position }));
  queue.add(apart.id, apart.row, { ...apart.state, state: 'queued', attempt: null, dueMs: turn.nowMs });
  const added = queue.item(apart.id)!;
  if (isTooOld(queue, added, policy)) expire(queue, added, own);
  else queue.change(added, { ...deferredState(queue, added, own, policy), left: null });
}

function deferredState(queue: Queue, item: Item, left: readonly Settled[], policy: DeliveryPolicy): Partial<StateRow> {
  const { turn } = queue;
  const attempts = item.state.attempts + 1;
  return {
    state: 'queued',
    attempt: null,
    attempts,
    // No later than its end, so that the sender hears of that in time.
    dueMs: Math.min(turn.nowMs + retryMs(policy, attempts), item.row.enqueuedMs + policy.expireMs),
    left: positionsOf(left),
    lastReply: replyText(left[0]!.result),
    isWarned: warnOfDelay(queue, item, left, policy),
  };
}

/** Not tried: the next courier does it. One that was given up meanwhile is on its way already. */
function putBack(queue: Queue, item: Item): void {
  if (item.state.state !== 'attempting') return;
  queue.change(item, { state: 'queued', attempt: null, dueMs: queue.turn.nowMs });
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
