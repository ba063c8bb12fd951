/**
 * A mail as it was posted, checked, before it has an id and a time: of JSON, or as it is.
 *
 * Promises: with the same seed it makes the same bytes.
 * Leaves to others: whether its sender may say so (`send.ts`), and whether its recipients are there (`routing/`).
 */
import { hash } from 'node:crypto';
import { parseSender } from '../../../mail/address.ts';
import { authorsOf } from '../../../mail/authors.ts';
import { completeHeader } from '../../../mail/complete-header.ts';
import { compose, type MailSeed } from '../../../mail/compose.ts';
import { readRawMessage } from '../../../mail/raw-message.ts';
import { badRequest, malformed } from './codes.ts';
import { boundJson } from './json-bound.ts';
import { type NewMessage, newMessage, recipientsMax } from './new-message.ts';

export interface Draft {
  readonly reversePath: string;
  /** Each must be the sender's own. */
  readonly authors: readonly string[];
  readonly recipients: readonly string[];
  readonly smtpUtf8: boolean;
  readonly stream: string | null;
  readonly tags: readonly string[];
  /** Undefined: as the account is set. */
  readonly savesSent: boolean | undefined;
  readonly contentHash: string | null;
  messageId(seed: MailSeed): string;
  bytes(seed: MailSeed): Promise<Uint8Array<ArrayBuffer>>;
}

/** @throws {OperationError} `badRequest`, `tooIntricate` */
export function draftOfJson(bytes: Uint8Array): Draft {
  const parts = readParts(bytes);
  const { from, to, cc, bcc, stream, tags } = parts;
  const recipients = [...to, ...cc, ...bcc].map(({ address }) => address);
  const attachments = parts.attachments.map(({ contentBase64: content, ...rest }) => ({ ...rest, content }));
  const messageId = ({ id }: MailSeed): string => messageIdOf(id, from.address);
  return {
    reversePath: withPlainDomain(from.address),
    authors: [from.address],
    recipients,
    smtpUtf8: [from, ...to, ...cc, ...bcc, ...parts.replyTo].some(({ address }) => hasForeignLocal(address)),
    stream,
    tags,
    savesSent: parts.saveToSent,
    contentHash: null,
    messageId,
    bytes: (seed) => compose({ ...parts, attachments }, messageId(seed), seed),
  };
}

/** @throws {OperationError} `badRequest`, `tooIntricate` */
function readParts(bytes: Uint8Array): NewMessage {
  boundJson(bytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw badRequest('the body is no JSON in UTF-8. Cure: /openapi.json shows what it looks like');
  }
  const parsed = newMessage.safeParse(value);
  if (!parsed.success) throw malformed(parsed.error);
  return parsed.data;
}

/** @throws {OperationError} `badRequest`, what `readRawMessage` refuses, and what `parseSender` does of the reverse-path */
export function draftOfRaw(given: Uint8Array<ArrayBuffer>, query: URLSearchParams): Draft {
  const mail = readRawMessage(given);
  const recipients = query.getAll('to').flatMap((list) => list.split(',').map((one) => one.trim()));
  if (recipients.length === 0 || recipients.length > recipientsMax) {
    throw badRequest(
      `a raw mail has 1 to ${recipientsMax} recipients in ?to=. Cure: ?from=ADDRESS&to=ADDRESS&to=ADDRESS`,
    );
  }
  const { from, sender, resent } = authorsOf(mail.bytes);
  const [author] = from ?? [];
  if (from === null || author === undefined || sender === null || resent === null) {
    throw badRequest('From must be there once, Sender at most once, with addresses, not groups. Cure: mend the header');
  }
  const reversePath = withPlainDomain(query.get('from') ?? author);
  const messageId = ({ id }: MailSeed): string => mail.messageId ?? messageIdOf(id, author);
  return {
    reversePath,
    authors: [reversePath, ...from, ...sender, ...resent],
    recipients,
    smtpUtf8: mail.isInternational || [reversePath, ...recipients].some(hasForeignLocal),
    stream: null,
    tags: [],
    savesSent: undefined,
    contentHash: hash('sha256', given, 'base64url'),
    messageId,
    bytes: (seed) => {
      const completion = { nowMs: seed.atMs, messageId: messageId(seed) };
      return Promise.resolve(completeHeader(mail.bytes, completion));
    },
  };
}

/** Asked for the sender's own addresses only, so it parses. */
const messageIdOf = (id: string, author: string): string => `${id}@${parseSender(author).domain}`;

/** The reverse-path as SMTP has it: the local part as given, the domain in A-labels. @throws what `parseSender` does */
const withPlainDomain = (address: string): string =>
  `${address.slice(0, address.lastIndexOf('@'))}@${parseSender(address).domain}`;

/** RFC 6531: needs SMTPUTF8. A domain does not, since it has A-labels. */
const hasForeignLocal = (address: string): boolean => /[^\0-\x7f]/.test(address.slice(0, address.lastIndexOf('@')));
