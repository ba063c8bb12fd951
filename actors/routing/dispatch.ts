/**
 * The one commit that takes a mail, wherever it goes (plan §10):
 *
 *     one mailbox and nothing else          mailbox          deliver
 *     one remote domain and nothing else    delivery domain  enqueue
 *     anything else                         spool            accept, which tells each by notice
 *
 * Promises: exactly one command is asked: all recipients have the mail, or none has.
 */
import type { ActorRef, AskOptions } from '../../runtime/actor/actor.ts';
import type { Copies } from '../../runtime/actor/request.ts';
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import { deliveryDomains, enqueueRecipientsMax } from '../delivery-domain/protocol.ts';
import { mailboxes } from '../mailbox/protocol.ts';
import { spoolFingerprintOf } from '../mail/fingerprint.ts';
import type { Recipient } from '../mail/message.ts';
import type { OutgoingMessage } from '../mail/outgoing.ts';
import { type RemoteShare, type SpoolProtocol, spools } from '../spool/protocol.ts';
import type { CopiedMail } from './copies.ts';

/** What only mail that leaves has. */
export type Outgoing = Pick<OutgoingMessage, 'prefix' | 'dsn' | 'smtpUtf8'>;

/** A mail with all its destinations, each once. */
export interface Parcel extends CopiedMail {
  readonly local: readonly Recipient[];
  readonly remote: readonly RemoteShare[];
  /** Needed where `remote` is not empty. */
  readonly outgoing: Outgoing | null;
}

export interface Taken {
  /** Of the first acceptance, when this is a resend of it. */
  readonly mailId: string;
  readonly resend: boolean;
  readonly copies: Copies;
}

/** @throws {OperationError} what refused the commit, or kept it from being known */
export async function dispatch(core: CoreApi, parcel: Parcel, options: AskOptions): Promise<Taken> {
  let copies: Copies = [1, 1];
  const onCopies = (known: Copies): void => {
    copies = known;
  };
  const { mailId, resend } = await ask(core, parcel, { ...options, onCopies });
  return { mailId, resend, copies };
}

async function ask(core: CoreApi, parcel: Parcel, options: AskOptions): Promise<Omit<Taken, 'copies'>> {
  const { message, local, remote, outgoing } = parcel;
  const [mailbox] = local;
  const [share] = remote;
  if (local.length === 1 && mailbox !== undefined && share === undefined) {
    const ref = mailboxes.ref(mailbox.mailboxId);
    return core.ask(ref, { kind: 'deliver', message, recipient: mailbox } as const, options);
  }
  if (outgoing === null || share === undefined) {
    return core.ask(spoolFor(parcel), { kind: 'accept', message, recipients: local }, options);
  }
  if (mailbox === undefined && remote.length === 1 && share.recipients.length <= enqueueRecipientsMax) {
    const { domain, recipients } = share;
    const leaving: OutgoingMessage = { ...message, ...outgoing };
    return core.ask(deliveryDomains.ref(domain), { kind: 'enqueue', message: leaving, recipients } as const, options);
  }
  return core.ask(spoolFor(parcel), { kind: 'accept', message, recipients: local, remote, outgoing }, options);
}

/** The mail's fingerprint as the key, so that a resend meets its own record (plan §9). */
function spoolFor({ message, contentHash, local, remote }: Parcel): ActorRef<SpoolProtocol> {
  const fingerprint = spoolFingerprintOf({
    reversePath: message.envelope.reversePath,
    messageId: message.header.messageId,
    contentHash,
    recipients: local.map((each) => `${each.mailboxId} ${each.fingerprint}`),
    remote: remote.flatMap(({ recipients }) => recipients.map((each) => `${each.fingerprint}`)),
  });
  return spools.ref(fingerprint ?? message.mailId);
}
