/**
 * A message comes in: by SMTP (`deliver`), or by IMAP APPEND and import (`append`).
 *
 * Promises: one copy of a mail, also when it is sent again within a day; and a delivery costs the same few rows
 * whatever is in the mailbox already.
 */
import type { Turn } from '../../runtime/actor/actor.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { IncomingMessage, Recipient } from '../mail/message.ts';
import { knownDelivery, rememberDelivery } from './fingerprints.ts';
import { normaliseFlags } from './flag-names.ts';
import { findFolder } from './folder-names.ts';
import { folderNamed } from './folders.ts';
import { addMessage } from './messages.ts';
import { findMailbox, type OpenFolder, type OpenMailbox, openMailbox } from './open-mailbox.ts';
import type { MailboxAnswers, MailboxCommand, MailboxNotice } from './protocol.ts';
import { checkRoom } from './quota.ts';
import { noSuchFolder } from './refusals.ts';
import { inboxId, type MessageRow } from './rows.ts';
import { tellSender } from './tell-sender.ts';

/** From an edge, for a mail with one recipient: this is where it is accepted. @throws `noSuchMailbox` */
export function deliver(
  turn: Turn,
  { message, recipient }: MailboxCommand & { readonly kind: 'deliver' },
): MailboxAnswers['deliver'] {
  return receive(openMailbox(turn), message, recipient, true);
}

/** From the spool, where the mail was accepted: it is never refused (plan §9). */
export function receiveNotice(turn: Turn, { message, recipient }: MailboxNotice): void {
  const box = findMailbox(turn);
  if (box === null) {
    const detail = { address: recipient.address, mailboxId: turn.key, reason: 'noSuchMailbox' };
    turn.record({ subject: message.mailId, kind: 'failed', detail });
    tellSender(turn, 'failure', message, recipient);
    return;
  }
  receive(box, message, recipient, false);
}

function receive(
  box: OpenMailbox,
  message: IncomingMessage,
  recipient: Recipient,
  isAccepted: boolean,
): MailboxAnswers['deliver'] {
  const { turn } = box;
  const known = knownDelivery(box, recipient.fingerprint);
  if (known !== null) return { folderId: known[0], uid: known[1], mailId: known[2], resend: true };
  const folder = targetFolder(box, recipient);
  const { prefix, address } = recipient;
  const flags = recipient.flags === undefined ? [] : normaliseFlags(recipient.flags);
  const content = { ...contentOf(turn, message), prefix, address, flags };
  const uid = addMessage(box, folder, content);
  rememberDelivery(box, recipient.fingerprint, [folder.id, uid, message.mailId]);
  if (isAccepted) recordAccepted(turn, message);
  turn.record({
    subject: message.mailId,
    kind: 'delivered',
    detail: { address: recipient.address, mailboxId: turn.key, folder: folder.row.name, uid },
  });
  box.save();
  tellSender(turn, 'success', message, recipient);
  return { folderId: folder.id, uid, mailId: message.mailId, resend: false };
}

export function append(turn: Turn, command: MailboxCommand & { readonly kind: 'append' }): MailboxAnswers['append'] {
  const { message } = command;
  const box = openMailbox(turn);
  const known = knownDelivery(box, command.fingerprint);
  if (known !== null) {
    // The folder may have been deleted since; then its validity is nobody's any more.
    const uidValidity = box.folderOrRemains(known[0])?.row.uidValidity ?? 0;
    return { folderId: known[0], uid: known[1], uidValidity, resend: true };
  }
  const flags = normaliseFlags(command.flags);
  const folder = appendFolder(box, command);
  checkRoom(box.head, message.body.sizeBytes);
  const content = contentOf(turn, message);
  const uid = addMessage(box, folder, { ...content, flags, internalDateMs: command.internalDateMs });
  rememberDelivery(box, command.fingerprint, [folder.id, uid, message.mailId]);
  const detail = { mailboxId: turn.key, folder: folder.row.name, uid, sizeBytes: message.body.sizeBytes };
  turn.record({ subject: message.mailId, kind: 'appended', detail });
  box.save();
  return { folderId: folder.id, uid, uidValidity: folder.row.uidValidity, resend: false };
}

function contentOf(turn: Turn, message: IncomingMessage): Omit<MessageRow, 'modSeq'> {
  // RFC 8474 §5: bytes that differ need ids that differ, and the prefix of each delivery is its own. Threads are
  // found by no one yet, so each message is one (RFC 8474 §5.2 allows it).
  const emailId = turn.newId();
  return {
    emailId,
    threadId: emailId,
    mailId: message.mailId,
    flags: [],
    internalDateMs: message.receivedAtMs,
    prefix: new Uint8Array(0),
    body: message.body,
    header: message.header,
    address: '',
    reversePath: message.envelope.reversePath,
  };
}

/** A mail that was accepted must go somewhere: INBOX, when the folder that was chosen is not there and cannot be made. */
function targetFolder(box: OpenMailbox, { folder: name, createsFolder }: Recipient): OpenFolder {
  if (name === 'INBOX') return box.folder(inboxId);
  try {
    if (createsFolder) return folderNamed(box, name);
    return box.folder(findFolder(box.turn, name) ?? inboxId);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    return box.folder(inboxId);
  }
}

function appendFolder(box: OpenMailbox, command: MailboxCommand & { readonly kind: 'append' }): OpenFolder {
  if (command.createFolder) return folderNamed(box, command.folder);
  const folderId = findFolder(box.turn, command.folder);
  if (folderId === null) throw noSuchFolder();
  return box.folder(folderId);
}

function recordAccepted(turn: Turn, { mailId, body, envelope, header }: IncomingMessage): void {
  const { reversePath: from, submitter } = envelope;
  // With the Message-ID, so that a trace can begin with what the sender knows of his mail.
  const detail = { from, sizeBytes: body.sizeBytes, recipients: 1, submitter, messageId: header.messageId };
  turn.record({ subject: mailId, kind: 'accepted', detail });
}
