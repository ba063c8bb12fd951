/**
 * From a whole mail of an account to one commit: its authors, its header, its signature (RFC 6409).
 *
 * Promises: what `250` names is what was committed; what a mail says of its author is an address of the account.
 * Leaves to others: destinations and the command (`routing/`).
 */
import { timeOrderedId } from '../../../runtime/base/ids.ts';
import { authorsOf } from '../../mail/authors.ts';
import { completeHeader } from '../../mail/complete-header.ts';
import { headerFacts } from '../../mail/header-facts.ts';
import { checkSubmittedHeader } from '../../mail/submitted-header.ts';
import { submitResolved } from '../../routing/submit.ts';
import type { BodyCollector } from './body-collector.ts';
import type { Account, Dialogue, Transaction } from './dialogue.ts';
import { isLooping } from './hops.ts';
import { authorRefusal } from './sender-rights.ts';
import { acceptedReply, type Reply, replies } from './replies.ts';
import { traceLine } from './trace-line.ts';

/** RFC 6154: where programs look for it. */
const sentFolder = 'Sent';

/** @throws {OperationError} what refused the commit, or kept it from being known */
export async function submitMail(
  dialogue: Dialogue,
  account: Account,
  transaction: Transaction,
  collector: BodyCollector,
): Promise<Reply> {
  const { edge } = dialogue;
  const { facts, principal } = account;
  const body = collector.finish();
  checkSubmittedHeader(body.bytes);
  const header = headerFacts(body.bytes);
  if (isLooping(edge, body.bytes, header.receivedCount)) return replies.tooManyHops;
  const nowMs = edge.clock.nowMs();
  const authors = authorsOf(body.bytes);
  const refusal = await authorRefusal(edge, account, authors);
  if (refusal !== null) return refusal;
  const messageId = `${timeOrderedId(nowMs, edge.random)}@${facts.address.slice(facts.address.lastIndexOf('@') + 1)}`;
  const bytes = completeHeader(body.bytes, { nowMs, messageId });
  const sizeBytes = bytes.length;
  const routed = transaction.recipients;
  if (routed.length > 1) routed.sort((a, b) => a.order - b.order);
  const { reversePath, dsn, smtpUtf8 } = transaction;
  const { mailId, copies } = await submitResolved(
    edge,
    {
      reversePath,
      submitter: facts.accountId,
      recipients: [],
      bytes,
      dsn,
      smtpUtf8,
      received: (id, recipient) => traceLine(dialogue, transaction, { mailId: id, recipient, nowMs }),
      sentCopy: facts.savesSent ? { mailboxId: facts.mailboxId, folder: sentFolder } : null,
      signs: true,
      contentHash: body.hash,
      principal,
    },
    {
      routed,
      authors,
      commitMsMax: edge.limits.commitMsMax,
      ...(bytes === body.bytes ? { bodyHash: body.hash, header: header.facts } : {}),
    },
  );
  edge.stats.accepted++;
  edge.stats.acceptedBytes += sizeBytes;
  edge.stats.deliverySeconds.observe((edge.clock.nowMs() - nowMs) / 1_000);
  return acceptedReply(mailId, copies);
}
