/**
 * Attempts of which nobody knows whether the remote server has the mail (plan P5): written into the ledger, whatever the
 * policy, and then retried, held or dropped as the policy says.
 */
import { expire, isTooOld, retryMs } from './expiry.ts';
import { enterLedger } from './memory.ts';
import type { CourierId, DeliveryPolicy, InDoubtEntry } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { type DialogueRow, dialogueKey } from './rows.ts';

/** Looked at in one turn; more than a turn may work through (`Queue.mayGoOn`). */
const attemptsPerTurnMax = 1_000;

export interface Doubt {
  readonly cause: InDoubtEntry['cause'];
  readonly mx: string | null;
  readonly positions: readonly number[];
  readonly policy: DeliveryPolicy;
}

/** Enters it, and then retries, holds or drops the recipients, or gives them up when the mail is too old. */
export function enterDoubt(queue: Queue, item: Item, doubt: Doubt): void {
  const { turn } = queue;
  const { cause, mx, positions, policy } = doubt;
  const attempt = item.state.attempt!;
  const { message, recipients } = item.row;
  enterLedger(queue, {
    entryId: turn.newId(),
    atMs: turn.nowMs,
    itemId: item.id,
    mailId: message.mailId,
    attemptId: attempt.id,
    sender: message.envelope.reversePath,
    recipients: positions.map((position) => recipients[position]!.address),
    begunAtMs: attempt.begunMs,
    mx,
    cause,
    decided: policy.inDoubt,
  });
  const detail = { domain: turn.key, item: item.id, recipients: positions.length, cause, mx, decided: policy.inDoubt };
  turn.record({ subject: message.mailId, kind: 'inDoubt', detail });
  if (policy.inDoubt === 'drop') {
    turn.record({
      subject: message.mailId,
      kind: 'dropped',
      detail: { domain: turn.key, item: item.id, by: 'policy' },
    });
    return queue.remove(item);
  }
  const attempts = item.state.attempts + 1;
  const common = { left: positions, attempts, lastReply: `in doubt: ${causes[cause]}` };
  if (policy.inDoubt === 'hold') return queue.change(item, { ...common, state: 'held', dueMs: null });
  // Not before the attempt's time is up: until then the remote server may still be at it.
  const dueMs = Math.max(attempt.untilMs, turn.nowMs + retryMs(policy, attempts));
  queue.change(item, { ...common, state: 'inDoubt', dueMs });
  const changed = queue.item(item.id)!;
  if (isTooOld(queue, changed, policy)) expire(queue, changed);
}

const causes: Readonly<Record<InDoubtEntry['cause'], string>> = {
  timeout: 'no result came in time',
  courierLost: 'this server stopped while the mail was being sent',
  noReply: 'the connection ended after the mail was sent and before it was confirmed',
};

/** Attempts whose time is up. */
export function timeOut(queue: Queue, policy: DeliveryPolicy): void {
  const { turn, head } = queue;
  if (head.attempting === 0) return;
  const due = turn.range({ prefix: ['a'], to: ['a', turn.nowMs + 1], limit: attemptsPerTurnMax });
  for (const { key } of due) {
    if (!doubtAll(queue, String(key[2]), 'timeout', policy)) return;
  }
}

/** Dialogues whose courier is gone, and those whose time is up. */
export function endLostDialogues(queue: Queue, courier: CourierId | null, policy: DeliveryPolicy): void {
  const { turn, head } = queue;
  if (head.dialogues === 0) return;
  const lost = new Set<string>();
  for (const { key, value } of turn.range<DialogueRow>({ prefix: ['g'], limit: attemptsPerTurnMax })) {
    const isOld = courier !== null && value.courier.node === courier.node && value.courier.start !== courier.start;
    if (isOld) lost.add(String(key[1]));
    // Of a courier that is gone too, the slot is held until then: the remote server may not know of its end.
    if (value.untilMs > turn.nowMs) continue;
    turn.delete(dialogueKey(String(key[1])));
    head.dialogues--;
  }
  if (lost.size === 0 || head.attempting === 0) return;
  for (const { key } of turn.range({ prefix: ['a'], limit: attemptsPerTurnMax })) {
    const itemId = String(key[2]);
    const dialogue = queue.item(itemId)?.state.attempt?.dialogue;
    if (dialogue === undefined || !lost.has(dialogue)) continue;
    if (!doubtAll(queue, itemId, 'courierLost', policy)) return;
  }
}

/** False: the turn has done enough, and the next one goes on. */
function doubtAll(queue: Queue, itemId: string, cause: 'timeout' | 'courierLost', policy: DeliveryPolicy): boolean {
  const item = queue.item(itemId);
  if (item === null || item.state.state !== 'attempting') return true;
  if (!queue.mayGoOn(item)) return false;
  const positions = queue.left(item).map(([position]) => position);
  enterDoubt(queue, item, { cause, mx: null, positions, policy });
  return true;
}
