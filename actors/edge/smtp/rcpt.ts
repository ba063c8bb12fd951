/** RCPT: names a recipient (RFC 5321 §4.1.1.3). Refusals are final here, so that no mail is taken that cannot be delivered. */
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { parseAddress } from '../../mail/address.ts';
import type { Dialogue, RoutedRecipient, Transaction, Verb } from './dialogue.ts';
import { isNonAscii } from './mail.ts';
import { parsePathArgument } from './parameters.ts';
import { errorReply, type Reply, replies } from './replies.ts';
import type { Route } from './route.ts';

export const rcptVerb: Verb = {
  needs: 'transaction',
  // Pipelined RCPT commands ask the core together: their queries leave as one batch.
  runsAhead: true,
  run(dialogue: Dialogue, argument: string): void {
    const transaction = dialogue.transaction as Transaction;
    const { settings, router } = dialogue.edge;
    const parsed = parsePathArgument('TO:', argument);
    if (parsed === null) return dialogue.reply(replies.rcptSyntax);
    if (parsed.parameters.size > 0) return dialogue.reply(replies.unknownParameter);
    if (transaction.recipients.length + transaction.recipientsWaiting >= settings.recipientsMax) {
      return dialogue.reply(replies.tooManyRecipients);
    }
    if (isNonAscii(parsed.path) && !transaction.smtpUtf8) return dialogue.reply(replies.needsSmtpUtf8);
    if (parsed.path.toLowerCase() === 'postmaster') {
      return settle(dialogue, transaction, parsed.path, 'postmaster', router.routePostmaster());
    }
    let address;
    try {
      address = parseAddress(parsed.path);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      return dialogue.reply(addressProblem(error));
    }
    const known = router.knownRoute(address);
    if (known === null) return settle(dialogue, transaction, parsed.path, address.normalised, router.route(address));
    dialogue.reply(
      take(dialogue, transaction, known, {
        order: transaction.recipientsAsked++,
        given: parsed.path,
        normalised: address.normalised,
      }),
    );
  },
};

function addressProblem(error: OperationError): Reply {
  if (error.code === 'addressRoute') return replies.sourceRoute;
  // We are reached by name only, so a literal is a domain that is not ours.
  if (error.code === 'addressLiteral') return replies.relayingDenied;
  return replies.badRecipient;
}

function settle(
  dialogue: Dialogue,
  transaction: Transaction,
  given: string,
  normalised: string,
  asked: Promise<Route>,
): void {
  const order = transaction.recipientsAsked++;
  transaction.recipientsWaiting++;
  const reply = dialogue.replyLater();
  asked.then(
    (route) => {
      transaction.recipientsWaiting--;
      reply(take(dialogue, transaction, route, { order, given, normalised }));
    },
    (error: unknown) => {
      if (error instanceof InvariantError) throw error;
      transaction.recipientsWaiting--;
      if (!(error instanceof OperationError))
        dialogue.edge.log.error({ err: error, trace: dialogue.trace }, 'RCPT failed');
      reply(errorReply(error));
    },
  );
}

/** Makes it a recipient of the transaction, where that is possible. */
function take(
  dialogue: Dialogue,
  transaction: Transaction,
  route: Route,
  asked: Omit<RoutedRecipient, 'mailboxIds'>,
): Reply {
  if (route.kind === 'refused') return route.reply;
  const { mailboxIds } = route;
  if (transaction.mailboxes + mailboxIds.length > dialogue.edge.limits.mailboxesMax) return replies.tooManyRecipients;
  transaction.mailboxes += mailboxIds.length;
  transaction.recipients.push({ ...asked, mailboxIds });
  return replies.recipientOk;
}
