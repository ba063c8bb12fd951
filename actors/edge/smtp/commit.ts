/**
 * From a whole mail to one commit: facts, hop limit, inspectors, each recipient's prefix and fingerprint, then the
 * mailbox itself (one recipient) or a spool (several).
 *
 * Promises: exactly one command is asked; each mailbox is named at most once; what `250` names is what was committed.
 */
import type { ActorRef, AskOptions, Principal } from '../../../runtime/actor/actor.ts';
import { timeOrderedId } from '../../../runtime/base/ids.ts';
import { type Inspection, inspectMail } from '../../inspect/inspector.ts';
import { mailboxes } from '../../mailbox/protocol.ts';
import { fingerprintOf, spoolFingerprintOf } from '../../mail/fingerprint.ts';
import { headerFacts } from '../../mail/header-facts.ts';
import type { Envelope, IncomingMessage, Recipient } from '../../mail/message.ts';
import { receivedLine, returnPathLine } from '../../mail/received.ts';
import { type SpoolProtocol, spools } from '../../spool/protocol.ts';
import type { BodyCollector, CollectedBody } from './body-collector.ts';
import type { Dialogue, RoutedRecipient, Transaction } from './dialogue.ts';
import { hopsBy } from './hops.ts';
import { acceptedReply, refusalReply, type Reply, replies } from './replies.ts';

/** Nobody has logged in at this port. */
export const stranger: Principal = { kind: 'anonymous', id: 'smtp' };

const allAccepted: Inspection = { kind: 'accept', headerLines: [], folder: null };
const encoder = new TextEncoder();

/** @throws {OperationError} what refused the commit, or kept it from being known */
export async function commitMail(
  dialogue: Dialogue,
  transaction: Transaction,
  collector: BodyCollector,
): Promise<Reply> {
  const { edge } = dialogue;
  const body = collector.finish();
  const { facts, receivedCount } = headerFacts(body.bytes);
  if (isLooping(dialogue, body, receivedCount)) return replies.tooManyHops;
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
  const mailId = await commit(
    dialogue,
    message,
    body,
    recipientsOf(dialogue, message, routed, inspection, transaction),
  );
  edge.stats.accepted++;
  // Not from `body.bytes`: the core has them now.
  edge.stats.acceptedBytes += message.body.sizeBytes;
  edge.stats.deliverySeconds.observe((edge.clock.nowMs() - nowMs) / 1_000);
  return acceptedReply(mailId);
}

/** Returns the id under which the mail is known: the first one's when this is a resend. */
async function commit(
  dialogue: Dialogue,
  message: IncomingMessage,
  body: CollectedBody,
  recipients: Recipient[],
): Promise<string> {
  const { core, limits } = dialogue.edge;
  const options: AskOptions = {
    principal: stranger,
    trace: message.mailId,
    timeoutMs: limits.commitMsMax,
    bodies: [{ hash: body.hash, bytes: body.bytes }],
  };
  const [first] = recipients;
  if (recipients.length === 1 && first !== undefined) {
    const answer = await core.ask(
      mailboxes.ref(first.mailboxId),
      { kind: 'deliver', message, recipient: first } as const,
      options,
    );
    return answer.mailId;
  }
  const answer = await core.ask(spoolFor(message, recipients), { kind: 'accept', message, recipients }, options);
  return answer.mailId;
}

/** The mail's fingerprint as the key, so that a resend meets its own record (plan §9). */
function spoolFor(message: IncomingMessage, recipients: readonly Recipient[]): ActorRef<SpoolProtocol> {
  const fingerprint = spoolFingerprintOf({
    reversePath: message.envelope.reversePath,
    messageId: message.header.messageId,
    contentHash: message.body.hash,
    recipients: recipients.map((each) => `${each.mailboxId} ${each.fingerprint}`),
  });
  return spools.ref(fingerprint ?? message.mailId);
}

/** RFC 5321 §6.3. A mail that keeps coming back to this host is stopped long before the general limit. */
function isLooping({ edge }: Dialogue, body: CollectedBody, receivedCount: number): boolean {
  const { receivedOwnMax } = edge.limits;
  if (receivedCount >= edge.settings.receivedMax) return true;
  return receivedCount >= receivedOwnMax && hopsBy(edge.hostname, body.bytes) >= receivedOwnMax;
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

/** One entry a mailbox: of two addresses that lead to it, the first in the dialogue stands for both. */
function recipientsOf(
  dialogue: Dialogue,
  message: IncomingMessage,
  routed: readonly RoutedRecipient[],
  inspection: Extract<Inspection, { kind: 'accept' }>,
  { smtpUtf8 }: Transaction,
): Recipient[] {
  const { reversePath } = message.envelope;
  const returnPath = returnPathLine(reversePath);
  const added = inspection.headerLines.map((line) => `${line}\r\n`).join('');
  const byMailbox = new Map<string, Recipient>();
  for (const { given, normalised, mailboxIds } of routed) {
    const received = receivedLine({
      heloName: dialogue.heloName ?? '',
      clientAddress: dialogue.clientAddress,
      clientHost: null,
      protocol: smtpUtf8 ? `UTF8SMTP${dialogue.tls === null ? '' : 'S'}` : dialogue.protocol,
      mailId: message.mailId,
      recipient: given,
      tls: dialogue.tls,
      hostname: dialogue.edge.hostname,
      nowMs: message.receivedAtMs,
    });
    // Not from Buffer's pool: a view of the pool would drag all of it to the core's thread.
    const prefix = encoder.encode(returnPath + received + added);
    const fingerprint = fingerprintOf({
      reversePath,
      recipient: normalised,
      messageId: message.header.messageId,
      contentHash: message.body.hash,
    });
    for (const mailboxId of mailboxIds) {
      if (byMailbox.has(mailboxId)) continue;
      byMailbox.set(mailboxId, {
        mailboxId,
        address: given,
        prefix,
        folder: inspection.folder ?? 'INBOX',
        fingerprint,
      });
    }
  }
  return [...byMailbox.values()];
}
