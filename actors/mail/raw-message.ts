/**
 * A mail as its sender wrote it: bytes of `message/rfc822`.
 *
 * Promises: line ends are CRLF and nothing else, so that no later server can see an end of the mail inside it.
 * Leaves to others: what is added where it is missing (`complete-header.ts`), who may be its author.
 */
import { isAscii } from 'node:buffer';
import { withCrlf } from './crlf.ts';
import { headerFacts } from './header-facts.ts';
import { notAMail } from './refusals.ts';
import { checkSubmittedHeader } from './submitted-header.ts';

export interface RawMessage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Without angle brackets; null when it has none. */
  readonly messageId: string | null;
  /** Its header holds raw UTF-8 (RFC 6532). */
  readonly isInternational: boolean;
}

/** @throws {OperationError} `notAMail`, `headerTooLarge`, `notAField` */
export function readRawMessage(given: Uint8Array<ArrayBuffer>): RawMessage {
  const bytes = withCrlf(given);
  const headerEnd = checkSubmittedHeader(bytes);
  const { facts, hasHeaderEnd } = headerFacts(bytes);
  if (!hasHeaderEnd) throw notAMail();
  const isInternational = !isAscii(bytes.subarray(0, headerEnd));
  return { bytes, messageId: facts.messageId, isInternational };
}
