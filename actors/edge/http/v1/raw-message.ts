/**
 * A mail as its sender wrote it: bytes of `message/rfc822`.
 *
 * Promises: line ends are CRLF and nothing else, so that no later server can see an end of the mail inside it.
 * Leaves to others: what is added where it is missing (`mail/complete-header.ts`), who may be its author.
 */
import { isAscii } from 'node:buffer';
import { headerFacts } from '../../../mail/header-facts.ts';
import { headerFields } from '../../../mail/header-fields.ts';
import { badRequest } from './codes.ts';
import { withCrlf } from './crlf.ts';

export interface RawMessage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Without angle brackets; null when it has none. */
  readonly messageId: string | null;
  /** Its header holds raw UTF-8 (RFC 6532). */
  readonly isInternational: boolean;
}

/** @throws {OperationError} `badRequest` */
export function readRawMessage(given: Uint8Array<ArrayBuffer>): RawMessage {
  const bytes = withCrlf(given);
  const { facts, hasHeaderEnd } = headerFacts(bytes);
  if (!hasHeaderEnd) {
    throw badRequest('this is no mail: the empty line that ends a header is missing. Cure: send a message of RFC 5322');
  }
  const isInternational = !isAscii(bytes.subarray(0, headerFields(bytes).end));
  return { bytes, messageId: facts.messageId, isInternational };
}
