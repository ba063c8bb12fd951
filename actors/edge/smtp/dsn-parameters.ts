/**
 * What a sender asks to hear of his mail: RET and ENVID on MAIL, NOTIFY and ORCPT on RCPT (RFC 3461 §4).
 *
 * Leaves to others: splitting the line (`parameters.ts`); telling him (`courier/`).
 */
import type { DsnRequest, NotifyOn } from '../../mail/dsn-wishes.ts';

type Parameters = ReadonlyMap<string, string | null>;

/** RFC 3461 §4.4 and §4.2, in characters as given. */
const envelopeIdMax = 100;
const originalMax = 500;

const notifyWords: ReadonlyMap<string, NotifyOn> = new Map([
  ['NEVER', 'never'],
  ['SUCCESS', 'success'],
  ['FAILURE', 'failure'],
  ['DELAY', 'delay'],
]);

/** Null when one of them is malformed. */
export function dsnOfMail(parameters: Parameters): DsnRequest | null {
  const ret = parameters.get('RET')?.toUpperCase();
  if (parameters.has('RET') && ret !== 'FULL' && ret !== 'HDRS') return null;
  const envelopeId = xtextOf(parameters, 'ENVID', envelopeIdMax);
  if (envelopeId === undefined) return null;
  return { ret: ret === undefined ? null : ret === 'FULL' ? 'full' : 'headers', envelopeId };
}

export interface DsnOfRecipient {
  readonly notify: readonly NotifyOn[] | null;
  readonly orcpt: string | null;
}

/** Null when one of them is malformed. */
export function dsnOfRcpt(parameters: Parameters): DsnOfRecipient | null {
  const notify = parameters.has('NOTIFY') ? notifyOf(parameters.get('NOTIFY') ?? '') : null;
  const orcpt = xtextOf(parameters, 'ORCPT', originalMax);
  if (notify === undefined || orcpt === undefined) return null;
  // RFC 3461 §4.2: a registered type of address, `;` and the address.
  return orcpt === null || /^[A-Za-z0-9-]+;./u.test(orcpt) ? { notify, orcpt } : null;
}

/** RFC 3461 §4.1: NEVER alone, or some of the others. */
function notifyOf(value: string): readonly NotifyOn[] | undefined {
  const words = value.split(',').map((word) => notifyWords.get(word.toUpperCase()));
  const known = words.filter((word) => word !== undefined);
  if (known.length < words.length || new Set(known).size < known.length) return undefined;
  return known.includes('never') && known.length > 1 ? undefined : known;
}

/** Undefined when it is malformed. */
function xtextOf(parameters: Parameters, name: string, charactersMax: number): string | null | undefined {
  if (!parameters.has(name)) return null;
  const value = parameters.get(name) ?? '';
  return value === '' || value.length > charactersMax ? undefined : decodeXtext(value);
}

/** RFC 3461 §4: `+` and two upper-case hexadecimal digits stand for a byte. Undefined when it is malformed. */
export function decodeXtext(text: string): string | undefined {
  if (!/^(?:[^\0- +=\x7f]|\+[0-9A-F]{2})*$/.test(text)) return undefined;
  const plain = Buffer.from(text, 'utf8').toString('latin1');
  const bytes = plain.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  // RFC 6533 §3: `\x{…}` in addresses of the type utf-8.
  const decoded = Buffer.from(bytes, 'latin1')
    .toString('utf8')
    .replace(/\\x\{([0-9A-F]{2,6})\}/g, (whole, hex: string) => characterOf(Number.parseInt(hex, 16)) ?? whole);
  // It goes into a header of a DSN: nothing may end a line there.
  return /[\p{Cc}\uFFFD]/u.test(decoded) ? undefined : decoded;
}

const characterOf = (code: number): string | null =>
  code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : null;
