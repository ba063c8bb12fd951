/**
 * The spool actor: takes a mail for several recipients in one commit, then hands each mailbox its copy by notice.
 * Key: the mail's fingerprint where it has one, so that a resend meets its own record; else the mail's id.
 */
import { defineActor } from '../../runtime/actor/actor.ts';
import type { IncomingMessage, Recipient } from '../mail/message.ts';
import type { OutgoingMessage, RemoteRecipient } from '../mail/outgoing.ts';

/** The recipients of one remote domain. */
export interface RemoteShare {
  /** Key of the delivery domain. */
  readonly domain: string;
  readonly recipients: readonly RemoteRecipient[];
}

export type SpoolCommand = {
  readonly kind: 'accept';
  readonly message: IncomingMessage;
  /** Each folder of a mailbox at most once: a sender's own copy goes to Sent, also when he wrote to himself. */
  readonly recipients: readonly Recipient[];
  /** What leaves for other servers, each domain at most once. With `recipients` together at least one. */
  readonly remote?: readonly RemoteShare[];
  /** Needed with `remote`: what only mail that leaves has. */
  readonly outgoing?: Pick<OutgoingMessage, 'prefix' | 'dsn' | 'smtpUtf8'>;
};

export interface SpoolAnswers {
  /** `mailId` of the first acceptance when this is a resend of it. */
  accept: { readonly mailId: string; readonly resend: boolean };
}

export interface SpoolProtocol {
  command: SpoolCommand;
  query: never;
  notice: never;
  answers: SpoolAnswers;
}

export const spools = defineActor<SpoolProtocol>('spool');
