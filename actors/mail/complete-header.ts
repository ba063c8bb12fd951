/**
 * What a submission server does to the header of a mail (RFC 6409 §8): a missing Date and Message-ID are added, Bcc is
 * taken out (RFC 5322 §3.6.3), nothing else is touched.
 */
import { headerFields } from './header-fields.ts';
import { formatDate } from './received.ts';

export interface Completion {
  readonly nowMs: number;
  /** Without angle brackets; used where the mail has none. */
  readonly messageId: string;
}

/** Fields that tell who was to stay unseen. `Resent-Bcc` is its like for a mail that is sent on (RFC 5322 §3.6.6). */
const secret: ReadonlySet<string> = new Set(['bcc', 'resent-bcc']);

/** @returns `bytes` itself where nothing was amiss, else a copy over a buffer of its own */
export function completeHeader(bytes: Uint8Array<ArrayBuffer>, completion: Completion): Uint8Array<ArrayBuffer> {
  const { fields, end } = headerFields(bytes);
  const kept: Uint8Array[] = [];
  const names = new Set<string>();
  let at = 0;
  for (const { name, from, to } of fields) {
    names.add(name);
    if (!secret.has(name)) continue;
    kept.push(bytes.subarray(at, from));
    at = to;
  }
  // A header that the mail ends with may have no line end.
  const lineEnd = end > 0 && bytes[end - 1] !== 0x0a ? '\r\n' : '';
  const added =
    (names.has('date') ? '' : `Date: ${formatDate(completion.nowMs)}\r\n`) +
    (names.has('message-id') ? '' : `Message-ID: <${completion.messageId}>\r\n`);
  if (added === '' && at === 0 && kept.length === 0) return bytes;
  // At the header's end, since in front of it a first line that is no field would become part of what is added.
  return joined([...kept, bytes.subarray(at, end), Buffer.from(lineEnd + added, 'latin1'), bytes.subarray(end)]);
}

/** Not by `Buffer.concat`, whose result may be a view of a shared pool. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
