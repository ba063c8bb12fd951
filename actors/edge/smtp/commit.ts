/**
 * From a whole mail of another server to one commit: facts, hop limit, inspectors, a copy for each destination.
 *
 * Promises: exactly one command is asked; what `250` names is what was committed. A mail that an address here sends on
 * keeps its reverse-path and its bytes, so that signatures in it stay whole.
 * Leaves to others: which command it is (`routing/dispatch.ts`).
 */
import type { Principal } from '../../../runtime/actor/actor.ts';
import { timeOrderedId } from '../../../runtime/base/ids.ts';
import { type Inspection, inspectMail } from '../../inspect/inspector.ts';
import { headerFacts } from '../../mail/header-facts.ts';
import type { Envelope, IncomingMessage } from '../../mail/message.ts';
import { headerLines, localCopies, remoteShares, type RoutedRecipient } from '../../routing/copies.ts';
import { dispatch, type Parcel } from '../../routing/dispatch.ts';
import type { BodyCollector, CollectedBody } from './body-collector.ts';
import type { Dialogue, Transaction } from './dialogue.ts';
import { isLooping } from './hops.ts';
import { acceptedReply, refusalReply, type Reply, replies } from './replies.ts';
import { traceLine } from './trace-line.ts';

/** Nobody has logged in at this port. */
export const stranger: Principal = { kind: 'anonymous', id: 'smtp' };

const allAccepted: Inspection = { kind: 'accept', headerLines: [], folder: null };

/** @throws {OperationError} what refused the commit, or kept it from being known */
export async function commitMail(
  dialogue: Dialogue,
  transaction: Transaction,
  collector: BodyCollector,
): Promise<Reply> {
  const { edge } = dialogue;
  const body = collector.finish();
  const { facts, receivedCount } = headerFacts(body.bytes);
  if (isLooping(dialogue.edge, body.bytes, receivedCount)) return replies.tooManyHops;
  const nowMs = edge.clock.nowMs();
  const message: IncomingMessage = {
    mailId: timeOrderedId(nowMs, edge.random),
    body: { hash: body.hash, sizeBytes: body.bytes.length },
    header: facts,
    envelope: envelopeOf(transaction),
    receivedAtMs: nowMs,
  };
  const routed = transaction.recipients;
  if (routed.length > 1) routed.sort((a, b) => a.order - b.order);
  const inspection = edge.inspectors.length === 0 ? allAccepted : await inspect(dialogue, message, body, routed);
  if (inspection.kind !== 'accept') {
    return refusalReply(inspection.kind === 'refuse' ? 550 : 451, inspection.enhanced, inspection.text);
  }
  const { mailId, copies } = await dispatch(edge.core, parcelOf(dialogue, transaction, message, inspection), {
    principal: stranger,
    trace: message.mailId,
    timeoutMs: edge.limits.commitMsMax,
    bodies: [body],
  });
  edge.stats.accepted++;
  // Not from `body.bytes`: the core has them now.
  edge.stats.acceptedBytes += message.body.sizeBytes;
  edge.stats.deliverySeconds.observe((edge.clock.nowMs() - nowMs) / 1_000);
  return acceptedReply(mailId, copies);
}

function parcelOf(
  dialogue: Dialogue,
  transaction: Transaction,
  message: IncomingMessage,
  inspection: Extract<Inspection, { kind: 'accept' }>,
): Parcel {
  const { recipients, dsn, smtpUtf8 } = transaction;
  const { mailId, body, receivedAtMs: nowMs } = message;
  const mail = { message, contentHash: body.hash, dsn };
  const added = inspection.headerLines.map((line) => `${line}\r\n`).join('');
  const linesOf = (recipient: string | null): string =>
    traceLine(dialogue, transaction, { mailId, recipient, nowMs }) + added;
  const local = localCopies(mail, recipients, linesOf, inspection.folder ?? 'INBOX');
  const remote = remoteShares(mail, recipients);
  if (remote.length === 0) return { ...mail, local, remote, outgoing: null };
  const only = recipients.length === 1 ? (recipients[0]?.given ?? null) : null;
  return { ...mail, local, remote, outgoing: { prefix: headerLines(linesOf(only)), dsn, smtpUtf8 } };
}

function envelopeOf({ reversePath }: Transaction): Envelope {
  return { reversePath, submitter: null, tenant: null, stream: null, tags: [] };
}

function inspect(
  dialogue: Dialogue,
  message: IncomingMessage,
  body: CollectedBody,
  routed: readonly RoutedRecipient[],
): Promise<Inspection> {
  return inspectMail(dialogue.edge.inspectors, {
    mailId: message.mailId,
    body: body.bytes,
    header: message.header,
    envelope: message.envelope,
    recipients: routed.map((each) => each.normalised),
    client: { address: dialogue.clientAddress, heloName: dialogue.heloName ?? '', tls: dialogue.tls !== null },
  });
}
