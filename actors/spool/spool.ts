/**
 * The spool actor: takes one mail for several mailboxes and remote domains in one commit, and tells each of them.
 *
 * Promises: all recipients or none; a client's resend gets the first answer for a day and tells nobody.
 * Leaves to others: keeping the body (the notices do, while they are on their way).
 */
import type { ActorKind, Turn } from '../../runtime/actor/actor.ts';
import { limits } from '../../runtime/base/limits.ts';
import { refused } from '../../runtime/base/errors.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { deliveryDomains, enqueueRecipientsMax } from '../delivery-domain/protocol.ts';
import type { Recipient } from '../mail/message.ts';
import type { OutgoingMessage } from '../mail/outgoing.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import type { RemoteShare, SpoolAnswers, SpoolCommand, SpoolProtocol } from './protocol.ts';

interface AcceptedRow {
  readonly mailId: string;
}

const acceptedKey = ['r'];
const forgetTimer = 'forget';
/** Plan §9: how long a resend is known. */
const keptMs = 24 * 3_600_000;

const commands: CommandTable<Turn, SpoolCommand, SpoolAnswers> = {
  accept(turn, { message, recipients, remote = [], outgoing }) {
    const known = turn.get<AcceptedRow>(acceptedKey);
    if (known !== undefined) return { mailId: known.mailId, resend: true };
    const parts = remote.flatMap(inParts);
    checkRecipients(recipients, remote, parts.length);
    // A mail without Message-ID has no fingerprint: the key is its own id, which comes once.
    if (message.header.messageId !== null) {
      turn.put(acceptedKey, { mailId: message.mailId } satisfies AcceptedRow);
      turn.setTimer(forgetTimer, turn.nowMs + keptMs);
    }
    for (const recipient of recipients) {
      turn.tell(mailboxes.ref(recipient.mailboxId), { kind: 'deliver', message, recipient }, [message.body]);
    }
    if (remote.length > 0) {
      if (outgoing === undefined)
        throw refused('noOutgoing', 'a mail for other servers says what they get before its body');
      const leaving: OutgoingMessage = { ...message, ...outgoing };
      for (const { domain, recipients: there } of parts) {
        turn.tell(deliveryDomains.ref(domain), { kind: 'enqueue', message: leaving, recipients: there }, [
          message.body,
        ]);
      }
    }
    const { reversePath, submitter } = message.envelope;
    const { messageId } = message.header;
    const { sizeBytes } = message.body;
    const count = remote.reduce((sum, share) => sum + share.recipients.length, recipients.length);
    const detail = { from: reversePath, sizeBytes, recipients: count, submitter, messageId };
    turn.record({ subject: message.mailId, kind: 'accepted', detail });
    return { mailId: message.mailId, resend: false };
  },
};

export const spool: ActorKind<SpoolProtocol> = {
  kind: 'spool',
  rowVersion: 1,
  command: (turn, command) => runCommand(commands, turn, command),
  query: () => null,
  timer: (turn) => turn.delete(acceptedKey),
};

/** As much as one turn of the domain may take. */
function inParts({ domain, recipients }: RemoteShare): RemoteShare[] {
  const parts: RemoteShare[] = [];
  for (let from = 0; from < recipients.length; from += enqueueRecipientsMax) {
    parts.push({ domain, recipients: recipients.slice(from, from + enqueueRecipientsMax) });
  }
  return parts;
}

function checkRecipients(recipients: readonly Recipient[], remote: readonly RemoteShare[], parts: number): void {
  const notices = recipients.length + parts;
  if (notices === 0 || remote.some((share) => share.recipients.length === 0)) {
    throw refused('noRecipients', 'a mail has at least one recipient');
  }
  // One commit takes all of them or none, and one turn sends so many notices at most.
  if (notices > limits.turnNoticesMax) {
    throw refused(
      'tooManyRecipients',
      `one mail goes to at most ${limits.turnNoticesMax} mailboxes and domains; send it in parts`,
    );
  }
  // A sender's own copy in Sent is another one than what he sent himself.
  if (new Set(recipients.map(({ mailboxId, folder }) => `${mailboxId} ${folder}`)).size < recipients.length) {
    throw refused('sameMailboxTwice', 'each folder of a mailbox gets a mail once');
  }
  if (new Set(remote.map(({ domain }) => domain)).size < remote.length) {
    throw refused('sameDomainTwice', 'each remote domain gets a mail once');
  }
}
