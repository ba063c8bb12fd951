/**
 * The spool actor: takes one mail for several mailboxes in one commit, and tells each of them.
 *
 * Promises: all recipients or none; a client's resend gets the first answer for a day and tells nobody.
 * Leaves to others: keeping the body (the notices do, while they are on their way).
 */
import type { ActorKind, Turn } from '../../runtime/actor/actor.ts';
import { limits } from '../../runtime/base/limits.ts';
import { refused } from '../../runtime/base/errors.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import type { Recipient } from '../mail/message.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import type { SpoolAnswers, SpoolCommand, SpoolProtocol } from './protocol.ts';

interface AcceptedRow {
  readonly mailId: string;
}

const acceptedKey = ['r'];
const forgetTimer = 'forget';
/** Plan §9: how long a resend is known. */
const keptMs = 24 * 3_600_000;

const commands: CommandTable<Turn, SpoolCommand, SpoolAnswers> = {
  accept(turn, { message, recipients }) {
    const known = turn.get<AcceptedRow>(acceptedKey);
    if (known !== undefined) return { mailId: known.mailId, resend: true };
    checkRecipients(recipients);
    // A mail without Message-ID has no fingerprint: the key is its own id, which comes once.
    if (message.header.messageId !== null) {
      turn.put(acceptedKey, { mailId: message.mailId } satisfies AcceptedRow);
      turn.setTimer(forgetTimer, turn.nowMs + keptMs);
    }
    for (const recipient of recipients) {
      turn.tell(mailboxes.ref(recipient.mailboxId), { kind: 'deliver', message, recipient }, [message.body]);
    }
    const { reversePath, submitter } = message.envelope;
    const { messageId } = message.header;
    const { sizeBytes } = message.body;
    const detail = { from: reversePath, sizeBytes, recipients: recipients.length, submitter, messageId };
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

function checkRecipients(recipients: readonly Recipient[]): void {
  if (recipients.length === 0) throw refused('noRecipients', 'a mail has at least one recipient');
  // One commit takes all of them or none, and one turn sends so many notices at most.
  if (recipients.length > limits.turnNoticesMax) {
    throw refused('tooManyRecipients', `one mail goes to at most ${limits.turnNoticesMax} mailboxes; send it in parts`);
  }
  if (new Set(recipients.map(({ mailboxId }) => mailboxId)).size < recipients.length) {
    throw refused('sameMailboxTwice', 'each mailbox gets a mail once');
  }
}
