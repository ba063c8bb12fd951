/** Mails for tests of actors: small, each with a body of its own unless told otherwise. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, Recipient } from '../../actors/mail/message.ts';

let serial = 0;

export function sampleMail(
  facts: { mailId?: string; sizeBytes?: number; messageId?: string | null } = {},
): IncomingMessage {
  const mailId = facts.mailId ?? `mail${String(++serial).padStart(6, '0')}`;
  return {
    mailId,
    body: { hash: createHash('sha256').update(mailId).digest('base64url'), sizeBytes: facts.sizeBytes ?? 1000 },
    header: {
      subject: `about ${mailId}`,
      from: 'Bob <bob@example.net>',
      messageId: facts.messageId === undefined ? `${mailId}@example.net` : facts.messageId,
    },
    envelope: { reversePath: 'bob@example.net', submitter: null, tenant: null, stream: null, tags: [] },
    receivedAtMs: Date.UTC(2026, 10, 3, 11),
  };
}

export function sampleRecipient(facts: Partial<Recipient> = {}): Recipient {
  return {
    mailboxId: 'box',
    address: 'ann@example.org',
    prefix: new TextEncoder().encode('Return-Path: <bob@example.net>\r\n'),
    folder: 'INBOX',
    fingerprint: null,
    ...facts,
  };
}
