/**
 * The spool actor: takes a mail for several recipients in one commit, then hands each mailbox its copy by notice.
 * Key: the mail's fingerprint where it has one, so that a resend meets its own record; else the mail's id.
 */
import { defineActor } from '../../runtime/actor/actor.ts';
import type { IncomingMessage, Recipient } from '../mail/message.ts';

export type SpoolCommand = {
  readonly kind: 'accept';
  readonly message: IncomingMessage;
  /** At least one, each mailbox at most once. */
  readonly recipients: readonly Recipient[];
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
