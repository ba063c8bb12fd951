/**
 * Attempts of which nobody knows whether the remote server has the mail (plan P5): written into the ledger, whatever the
 * policy, and then retried, held or dropped as the policy says.
 */
import { enterLedger } from './memory.ts';
import type { CourierId, DeliveryPolicy, InDoubtEntry } from './protocol.ts';
import type { Item, Queue } from './queue.ts';
import { type DialogueRow, dialogueKey, type StateRow } from './rows.ts';

/** Looked at in one turn; begun attempts are as many as dialogues have mails in hand. */
const attemptsPerTurnMax = 1_000;

export interface Doubt {
  readonly cause: InDoubtEntry['cause'];
  readonly mx: string | null;
  readonly positions: readonly number[];
  readonly policy: DeliveryPolicy;
}

/** Enters it and says what becomes of the item: changes of its state, or null when these recipients are dropped. */
export function enterDoubt(queue: Queue, item: Item, doubt: Doubt): Partial<StateRow> | null {
  const { turn } = queue;
  const { cause, mx, positions, policy } = doubt;
  const attempt = item.state.attempt!;
  const { message, recipients } = item.row;
  const addresses = positions.map((position) => recipients[position]!.address);
  enterLedger(queue, {
    entryId: turn.newId(),
    atMs: turn.nowMs,
    itemId: item.id,
    mailId: message.mailId,
    attemptId: attempt.id,
    sender: message.envelope.reversePath,
    recipients: addresses,
    begunAtMs: attempt.begunMs,
    mx,
    cause,
    decided: policy.inDoubt,
  });
  const detail = { domain: turn.key, item: item.id, recipients: positions.length, cause, mx, decided: policy.inDoubt };
  turn.record({ subject: message.mailId, kind: 'inDoubt', detail });
  const reply = `in doubt: ${causes[cause]}`;
  if (policy.inDoubt === 'drop') {
    turn.record({
      subject: message.mailId,
      kind: 'dropped',
      detail: { domain: turn.key, item: item.id, by: 'policy' },
    });
    return null;
  }
  const common = { left: positions, attempts: item.state.attempts + 1, lastReply: reply };
  if (policy.inDoubt === 'hold') return { ...common, state: 'held', dueMs: null };
  // Not before the attempt's time is up: until then the remote server may still be at it.
  return { ...common, state: 'inDoubt', dueMs: Math.max(attempt.untilMs, turn.nowMs) };
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
  for (const { key } of due) doubtAll(queue, String(key[2]), 'timeout', policy);
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
    if (dialogue !== undefined && lost.has(dialogue)) doubtAll(queue, itemId, 'courierLost', policy);
  }
}

function doubtAll(queue: Queue, itemId: string, cause: 'timeout' | 'courierLost', policy: DeliveryPolicy): void {
  const item = queue.item(itemId);
  if (item === null || item.state.state !== 'attempting') return;
  const positions = queue.left(item).map(([position]) => position);
  const changes = enterDoubt(queue, item, { cause, mx: null, positions, policy });
  if (changes === null) queue.remove(item);
  else queue.change(item, changes);
}
