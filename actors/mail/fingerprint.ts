/**
 * How a mail that a client sends again, because the reply was lost, is known as the same (plan §9).
 *
 * Promises: equal only for the same sender, recipient, Message-ID and bytes. A mail without Message-ID has no
 * fingerprint: two equal ones may well be meant (a watchdog's `still down`), so each is delivered.
 */
import { hash } from 'node:crypto';

interface Origin {
  /** As in MAIL FROM, without angle brackets. */
  readonly reversePath: string;
  /** Without angle brackets; null when the mail has none. */
  readonly messageId: string | null;
  /** Digest of all bytes as the client sent them (`BodyRef.hash`). */
  readonly contentHash: string;
}

/** Of one recipient's copy: SHA-256 in base64url, 43 characters. `recipient` is the normalised address, elsewhere the one that goes out. */
export function fingerprintOf(parts: Origin & { readonly recipient: string }): string | null {
  if (parts.messageId === null) return null;
  return digest([parts.reversePath, parts.recipient, parts.messageId, parts.contentHash]);
}

/**
 * Of a whole mail to several recipients, in whichever order they were given: the key of its spool actor. `remote` are
 * recipients at other servers; a mail without any has the fingerprint that it had before there were such.
 */
export function spoolFingerprintOf(
  parts: Origin & { readonly recipients: readonly string[]; readonly remote?: readonly string[] },
): string | null {
  if (parts.messageId === null) return null;
  const { reversePath, messageId, contentHash, recipients, remote = [] } = parts;
  const elsewhere = remote.length === 0 ? [] : ['remote', ...inOrder(remote)];
  return digest([reversePath, messageId, contentHash, ...inOrder(recipients), ...elsewhere]);
}

const inOrder = (recipients: readonly string[]): string[] => [...new Set(recipients)].sort();

/** Each part with its length before it, so that no two lists of parts give the same text. */
function digest(parts: readonly string[]): string {
  return hash('sha256', parts.map((part) => `${part.length}:${part}`).join(''), 'base64url');
}
