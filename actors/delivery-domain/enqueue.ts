/**
 * A mail joins the queue: from an edge by command, or from a spool by notice.
 *
 * Promises: what a spool brings is never refused (plan §9); a mail that was given to this queue within a day is not taken
 * a second time, recipient by recipient; a mail for many is split into items of `itemRecipientsMax`.
 */
import { refused } from '../../runtime/base/errors.ts';
import type { OutgoingMessage, RemoteRecipient } from '../mail/outgoing.ts';
import { knownMail, rememberMail } from './memory.ts';
import { type DeliveryDomainAnswers, itemRecipientsMax } from './protocol.ts';
import type { Queue } from './queue.ts';
import type { StateRow } from './rows.ts';

/**
 * @param isAccepted from an edge: this is where the mail is accepted; what a spool brings was accepted there
 * @throws {OperationError} `noRecipients`
 */
export function enqueue(
  queue: Queue,
  message: OutgoingMessage,
  recipients: readonly RemoteRecipient[],
  isAccepted: boolean,
): DeliveryDomainAnswers['enqueue'] {
  if (recipients.length === 0) throw refused('noRecipients', 'a mail has at least one recipient');
  const { turn } = queue;
  const fresh: RemoteRecipient[] = [];
  let firstId: string | null = null;
  for (const recipient of recipients) {
    const known = knownMail(turn, recipient.fingerprint);
    if (known !== null) firstId ??= known;
    else fresh.push(recipient);
  }
  if (fresh.length === 0) return { mailId: firstId ?? message.mailId, resend: true };
  if (isAccepted) recordAccepted(queue, message, recipients.length);
  for (const { fingerprint } of fresh) rememberMail(queue, fingerprint, message.mailId);
  for (let from = 0; from < fresh.length; from += itemRecipientsMax) {
    const part = fresh.slice(from, from + itemRecipientsMax);
    const itemId = turn.newId();
    queue.add(itemId, { message, recipients: part, enqueuedMs: turn.nowMs }, newState(turn.nowMs));
    const [first] = part;
    const to = part.length === 1 && first !== undefined ? first.address : null;
    const detail = { domain: turn.key, item: itemId, recipients: part.length, to };
    turn.record({ subject: message.mailId, kind: 'queued', detail });
  }
  return { mailId: message.mailId, resend: false };
}

function recordAccepted(
  { turn }: Queue,
  { mailId, body, envelope, header }: OutgoingMessage,
  recipients: number,
): void {
  const { reversePath: from, submitter } = envelope;
  const detail = { from, sizeBytes: body.sizeBytes, recipients, submitter, messageId: header.messageId };
  turn.record({ subject: mailId, kind: 'accepted', detail });
}

function newState(nowMs: number): StateRow {
  return {
    state: 'queued',
    attempts: 0,
    dueMs: nowMs,
    attempt: null,
    left: null,
    lastReply: null,
    route: null,
    isWarned: false,
    droppedUntilMs: null,
  };
}
