/**
 * RCPT: names a recipient (RFC 5321 §4.1.1.3). Refusals are final here, so that no mail is taken that cannot be delivered.
 *
 * Promises: a stranger reaches addresses of this cluster, and what those lead to; only an account reaches others.
 */
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { type Address, parseAddress, parseSender } from '../../mail/address.ts';
import { remoteAddress, type Route, type RouteRefusal } from '../../routing/router.ts';
import type { Dialogue, Edge, TakenRecipient, Transaction, Verb } from './dialogue.ts';
import { type DsnOfRecipient, dsnOfRcpt } from './dsn-parameters.ts';
import { isNonAscii } from './mail.ts';
import { type PathArgument, parsePathArgument } from './parameters.ts';
import { errorReply, type Reply, replies } from './replies.ts';

type Asked = Omit<TakenRecipient, 'mailboxIds' | 'remote'>;

const nothingAsked: DsnOfRecipient = { notify: null, orcpt: null };

export const rcptVerb: Verb = {
  needs: 'transaction',
  // Pipelined RCPT commands ask the core together: their queries leave as one batch.
  runsAhead: true,
  run(dialogue: Dialogue, argument: string): void {
    const transaction = dialogue.transaction as Transaction;
    const { settings, router } = dialogue.edge;
    const parsed = parsePathArgument('TO:', argument);
    if (parsed === null) return dialogue.reply(replies.rcptSyntax);
    const dsn = parsed.parameters.size === 0 ? nothingAsked : dsnOf(dialogue, parsed);
    if ('code' in dsn) return dialogue.reply(dsn);
    if (transaction.recipients.length + transaction.recipientsWaiting >= settings.recipientsMax) {
      return dialogue.reply(replies.tooManyRecipients);
    }
    const given = parsed.path;
    if (isNonAscii(given) && !transaction.smtpUtf8) return dialogue.reply(replies.needsSmtpUtf8);
    const { notify, orcpt } = dsn;
    if (given.toLowerCase() === 'postmaster') {
      const asked: Asked = { order: transaction.recipientsAsked++, given, normalised: 'postmaster', notify, orcpt };
      return settle(dialogue, transaction, asked, null, router.routePostmaster());
    }
    let address;
    try {
      // Where mail may leave, % and ! are the other server's affair; here nobody has such an address.
      address = dialogue.role === 'submission' ? parseSender(given) : parseAddress(given);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      return dialogue.reply(addressProblem(dialogue, error));
    }
    const known = router.knownRoute(address);
    const asked: Asked = { order: transaction.recipientsAsked++, given, normalised: address.normalised, notify, orcpt };
    if (known === null) return settle(dialogue, transaction, asked, address, router.route(address));
    dialogue.reply(take(dialogue, transaction, asked, address, known));
  },
};

function dsnOf({ role }: Dialogue, { parameters }: PathArgument): DsnOfRecipient | Reply {
  const areKnown = [...parameters.keys()].every((name) => name === 'NOTIFY' || name === 'ORCPT');
  if (role !== 'submission' || !areKnown) return replies.unknownParameter;
  return dsnOfRcpt(parameters) ?? replies.badParameter;
}

function addressProblem({ role }: Dialogue, error: OperationError): Reply {
  if (error.code === 'addressRoute') return replies.sourceRoute;
  // We are reached by name only, so a literal is a domain that is not ours.
  if (error.code === 'addressLiteral') return role === 'mx' ? replies.relayingDenied : replies.noLiterals;
  return replies.badRecipient;
}

function settle(
  dialogue: Dialogue,
  transaction: Transaction,
  asked: Asked,
  address: Address | null,
  routing: Promise<Route>,
): void {
  transaction.recipientsWaiting++;
  const reply = dialogue.replyLater();
  routing.then(
    (route) => {
      transaction.recipientsWaiting--;
      reply(take(dialogue, transaction, asked, address, route));
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
  { edge, role }: Dialogue,
  transaction: Transaction,
  asked: Asked,
  address: Address | null,
  route: Route,
): Reply {
  if (route.kind === 'refused') return refusalOf(edge, route.why);
  const isElsewhere = route.kind === 'elsewhere';
  if (isElsewhere && (role !== 'submission' || address === null)) return replies.relayingDenied;
  const mailboxIds = isElsewhere ? [] : route.mailboxIds;
  const remote = isElsewhere ? [remoteAddress(asked.given, address as Address)] : route.remote;
  const count = mailboxIds.length + remote.length;
  // A sender's own copy needs a place too.
  const countMax = edge.limits.mailboxesMax - (role === 'submission' ? 1 : 0);
  if (transaction.destinations + count > countMax) return replies.tooManyRecipients;
  transaction.destinations += count;
  transaction.recipients.push({ ...asked, mailboxIds, remote });
  return replies.recipientOk;
}

function refusalOf({ settings }: Edge, why: RouteRefusal): Reply {
  switch (why) {
    case 'unknownUser':
      return replies.unknownUser;
    case 'full':
      return settings.overQuotaIsPermanent ? replies.mailboxFull : replies.overQuota;
    case 'aliasLoops':
      return replies.aliasLoops;
    case 'aliasTooWide':
      return replies.aliasTooWide;
  }
}
