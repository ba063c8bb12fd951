/**
 * What the sender must hear of a mail that was accepted for this mailbox (plan §9; RFC 3461 §5.2, §6): that the mailbox
 * has gone meanwhile, or, where he asked for it, that the mail is in it.
 *
 * Promises: nothing is said of a mail with a null reverse-path (RFC 5321 §4.5.5), or of a sender's own copy.
 * Leaves to others: keeping the report until a mail says it (the delivery domain of the reverse-path, `courier/`).
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import { deliveryDomains, type RecipientResult } from '../delivery-domain/protocol.ts';
import { parseSender } from '../mail/address.ts';
import { nothingWished, wantsReport } from '../mail/dsn-wishes.ts';
import type { IncomingMessage, Recipient } from '../mail/message.ts';

type Said = Pick<RecipientResult, 'outcome' | 'enhanced' | 'text'>;

/** Status codes: RFC 3463 §3.2. */
const said: Readonly<Record<'failure' | 'success', Said>> = {
  failure: { outcome: 'failed', enhanced: '5.1.1', text: 'the mailbox was removed before the mail was put into it' },
  success: { outcome: 'delivered', enhanced: '2.1.5', text: 'the mail is in the mailbox' },
};

export function tellSender(
  turn: Turn,
  report: 'failure' | 'success',
  message: IncomingMessage,
  { address, wishes = nothingWished }: Recipient,
): void {
  const isOwnCopy = address === '';
  if (isOwnCopy || !wantsReport(wishes, report)) return;
  const domain = domainOf(message.envelope.reversePath);
  if (domain === null) return;
  const result = { address, code: 0, ...said[report] };
  const notice = { kind: 'report', report, message, wishes, result } as const;
  turn.tell(deliveryDomains.ref(domain), notice, [message.body]);
}

/** Null when nobody can be told. */
function domainOf(reversePath: string): string | null {
  try {
    return parseSender(reversePath).domain;
  } catch (error) {
    if (error instanceof OperationError) return null;
    throw error;
  }
}
