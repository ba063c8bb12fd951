/**
 * The fields of a header in DKIM's relaxed form.
 *
 * Promises: never throws; bytes stay what they are, since all text here is Latin-1: a field in UTF-8 (RFC 6532) or in no
 * known charset is signed as it stands.
 * Leaves to others: where fields begin and end (`mail/header-fields.ts`).
 */
import { type HeaderField, headerFields } from '../mail/header-fields.ts';

export interface RelaxedMessage {
  /** From the top; `name` in lower case, `line` in relaxed form and with its CRLF. */
  readonly fields: readonly { readonly name: string; readonly line: string }[];
  /** As it stands. */
  readonly body: Uint8Array;
}

export function relaxedMessage(bytes: Uint8Array): RelaxedMessage {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { fields, end } = headerFields(message);
  const line = ({ name, valueFrom, to }: HeaderField): string =>
    `${relaxedField(name, message.toString('latin1', valueFrom, to))}\r\n`;
  const named = fields.filter(({ name }) => name !== '');
  return {
    fields: named.map((field) => ({ name: field.name, line: line(field) })),
    body: behindEmptyLine(message, end),
  };
}

/** RFC 6376 §3.4.2, without the line end. */
export function relaxedField(name: string, value: string): string {
  const unfolded = value.replace(/\r?\n/g, '').replace(/[ \t]+/g, ' ');
  return `${name}:${trimSpaces(unfolded)}`;
}

/** `trim` would take further characters, such as the no-break space of Latin-1. */
function trimSpaces(text: string): string {
  const from = text.startsWith(' ') ? 1 : 0;
  return text.slice(from, text.endsWith(' ') ? Math.max(from, text.length - 1) : text.length);
}

function behindEmptyLine(message: Buffer, end: number): Uint8Array {
  const lineFeed = message.indexOf('\n', end);
  return message.subarray(lineFeed < 0 ? message.length : lineFeed + 1);
}
