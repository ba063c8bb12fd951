/**
 * What an e-mail address is, and which spellings name the same one.
 *
 * Promises: a normalised address is a fixed point (parsed again it stays itself), is at most 320 bytes, holds no
 * control characters, and is equal for all spellings of one mailbox here: letter case, quotes that are not needed,
 * NFC or NFD, U-labels or A-labels.
 * Leaves to others: what an address leads to (`address/`), `<` and `>` of a path, and the bare `postmaster` of RCPT.
 */
import { domainToASCII } from 'node:url';
import { addressLiteral, addressRoute, addressTooLong, badAddress } from './refusals.ts';

export interface Address {
  /** Without quotes, lower-case, NFC. May hold any printable character. */
  readonly local: string;
  /** Lower-case A-labels. */
  readonly domain: string;
  /** `formatAddress` of both: the key of the address actor. */
  readonly normalised: string;
}

/** RFC 5321 §4.5.3.1.1 and §4.5.3.1.2, in bytes. */
const localBytesMax = 64;
const domainBytesMax = 255;
/** RFC 1035 §2.3.4. */
const labelBytesMax = 63;
/** No spelling of a legal address is longer than this; what is longer is not looked at. */
const textCharactersMax = 1024;

/** RFC 5322 atext, without the route characters % and !, and RFC 6531 §3.3 UTF8-non-ascii. */
const atoms = /^[A-Za-z0-9#$&'*+/=?^_`{|}~\u0080-\u{10FFFF}-]+(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~\u0080-\u{10FFFF}-]+)*$/u;
const plainLocal = /^[a-z0-9#$&'*+/=?^_`{|}~-]+(?:\.[a-z0-9#$&'*+/=?^_`{|}~-]+)*$/;
const plainDomain = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/;
/** Controls, lone surrogates, line separators, the mark of undecodable bytes, and what turns the direction of text. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\uFFFD\u202A-\u202E\u2066-\u2069]/u;

/**
 * Parses the address of a mailbox (RFC 5321 §4.1.2, RFC 6531 §3.3), without angle brackets.
 * @throws {OperationError} `badAddress`, `addressTooLong`, `addressLiteral`, `addressRoute`
 */
export function parseAddress(text: string): Address {
  const address = parseSender(text);
  // Neither needs quotes, so `"x%y"@local` is the same route in other clothes.
  if (/[%!]/.test(address.local)) throw addressRoute();
  return address;
}

/** As `parseAddress`, but takes % and ! in the local part: a reverse path is not relayed through, and VERP has them. */
export function parseSender(text: string): Address {
  if (text.length > textCharactersMax) throw addressTooLong();
  if (text.startsWith('@')) throw addressRoute();
  const quoted = text.startsWith('"');
  const at = quoted ? endOfQuotes(text) : text.lastIndexOf('@');
  if (at <= 0 || text[at] !== '@') throw badAddress('it has no @');
  const written = text.slice(0, at);
  const local = quoted ? unquote(written) : written;
  if (!quoted && !atoms.test(local.replace(/[%!]/g, '+'))) throw badAddress('the part before the @ is malformed');
  return addressOf(foldLocal(local, quoted), parseDomain(text.slice(at + 1)));
}

/**
 * A domain name as the DNS and our keys have it: lower-case A-labels, no final dot.
 * Underscores are taken: RFC 5321 has none, but the DNS has, and so have the names of some senders.
 * @throws {OperationError} `badAddress`, `addressTooLong`, `addressLiteral`
 */
export function parseDomain(text: string): string {
  if (text.startsWith('[')) throw addressLiteral();
  let domain = text.toLowerCase();
  if (!plainDomain.test(domain) || domain.includes('xn--')) {
    // domainToASCII parses its input as the host of a URL, so what means something in a URL must not reach it.
    if (!/^[a-z0-9_.\u0080-\u{10FFFF}-]+$/u.test(domain) || unprintable.test(domain))
      throw badAddress('its domain is malformed');
    domain = domainToASCII(domain);
    if (!plainDomain.test(domain)) throw badAddress('its domain is malformed');
  }
  if (domain.length > domainBytesMax) throw addressTooLong();
  const labels = domain.split('.');
  if (labels.some((label) => label.length > labelBytesMax)) throw addressTooLong();
  // RFC 3696 §2: no top level is all digits; what ends in one is an IP address in one of its many spellings.
  if (/^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) as string)) throw addressLiteral();
  return domain;
}

/** The written form: quoted (RFC 5321 §4.1.2 Quoted-string) only where it must be. */
export function formatAddress(local: string, domain: string): string {
  if (plainLocal.test(local) || atoms.test(local.replace(/[%!]/g, '+'))) return `${local}@${domain}`;
  return `"${local.replace(/["\\]/g, '\\$&')}"@${domain}`;
}

/**
 * `ann+lists` is `ann` with the detail `lists` (RFC 5233 §1). A separator in front is no separator: the base is never
 * empty. With null, nothing is split.
 */
export function splitDetail(
  local: string,
  separator: string | null,
): { readonly base: string; readonly detail: string | null } {
  const at = separator ? local.indexOf(separator, 1) : -1;
  if (at < 0) return { base: local, detail: null };
  return { base: local.slice(0, at), detail: local.slice(at + (separator as string).length) };
}

function addressOf(local: string, domain: string): Address {
  const normalised = formatAddress(local, domain);
  if (Buffer.byteLength(normalised) - domain.length - 1 > localBytesMax) throw addressTooLong();
  return { local, domain, normalised };
}

/** The one spelling of a local part. Composed before and after, since some characters compose to capitals (K, Å). */
function foldLocal(local: string, quoted: boolean): string {
  if (plainLocal.test(local)) return local;
  const folded = local.normalize('NFC').toLowerCase().normalize('NFC');
  // Composing can make ASCII of what was none (U+037E is a semicolon), which may then need quotes that it has not got.
  if (!quoted && !atoms.test(folded.replace(/[%!]/g, '+'))) throw badAddress('the part before the @ is malformed');
  if (unprintable.test(folded) || /[^\S ]/u.test(folded)) throw badAddress('it holds unprintable characters');
  return folded;
}

/** Index behind the closing quote of a text that begins with one; -1 when there is none. */
function endOfQuotes(text: string): number {
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
  }
  return -1;
}

function unquote(written: string): string {
  const local = written.slice(1, -1).replace(/\\([^])/g, '$1');
  if (local === '') throw badAddress('the part before the @ is empty');
  return local;
}
