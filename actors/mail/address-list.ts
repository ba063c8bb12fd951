/**
 * The addresses of a From or Sender field (RFC 5322 §3.4, RFC 6532).
 *
 * Promises: what it answers is what any reader of mail can see in the field, or null: a field that could be read in two
 * ways is not read at all, since permissions hang on it. A group (RFC 6854) is not either: what readers show of it is its
 * name, which may be another's address.
 * Leaves to others: the obsolete forms with routes (RFC 5322 §4.4), display names.
 */

/** Of a field; more is nobody's list of authors. */
const valueCharactersMax = 64 * 1024;
// RFC 5322 §3.2.3 atext and dots, RFC 6532 §3.2 UTF-8; `@` and encoded words come in here too.
const word = /[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@\u0080-\u{10FFFF}-]+/uy;
const literal = /\[[^[\]\\\r\n]*\]/y;
const quoted = /"(?:[^"\\\r\n]|\\[^\r\n])*"/y;
const blank = /[ \t\r\n]+/y;

type Token = { readonly kind: 'word' | 'quoted' | 'mark'; readonly text: string; readonly from: number };

/** @returns the addresses as written, at least one; null when the value is malformed */
export function addressList(value: string): readonly string[] | null {
  const tokens = value.length > valueCharactersMax ? null : tokensOf(value);
  if (tokens === null) return null;
  const found: string[] = [];
  let entry: Token[] = [];
  for (const token of [...tokens, { kind: 'mark', text: ',', from: value.length } as const]) {
    if (token.kind !== 'mark' || token.text !== ',') {
      entry.push(token);
      continue;
    }
    // RFC 5322 §4.4: empty entries between commas are an old habit.
    if (entry.length === 0) continue;
    const address = addressOf(entry);
    if (address === null) return null;
    found.push(address);
    entry = [];
  }
  return found.length === 0 ? null : found;
}

/** `display name <address>` or `address`; null when it is neither. */
function addressOf(entry: readonly Token[]): string | null {
  const open = entry.findIndex(({ kind, text }) => kind === 'mark' && text === '<');
  const isNamed = open >= 0;
  if (isNamed && !isMarkAt(entry, entry.length - 1, '>')) return null;
  const phrase = isNamed ? entry.slice(0, open) : [];
  const inner = isNamed ? entry.slice(open + 1, -1) : entry;
  if (inner.length === 0 || [...phrase, ...inner].some(({ kind }) => kind === 'mark')) return null;
  // Blanks and comments within an address are obsolete, and read differently by different programs.
  for (let i = 1; i < inner.length; i++) {
    const before = inner[i - 1] as Token;
    if (before.from + before.text.length !== (inner[i] as Token).from) return null;
  }
  const text = inner.map((token) => token.text).join('');
  const [first] = inner;
  // The @ of an address is behind a quoted local part, which may hold others.
  if (text.indexOf('@', first?.kind === 'quoted' ? first.text.length : 0) <= 0) return null;
  // An address in the place of a name is what readers of mail may show instead: it must not be another one.
  const isOther = (token: Token): boolean =>
    token.text.includes('@') && token.text.toLowerCase() !== text.toLowerCase();
  return phrase.some((token) => token.kind === 'word' && isOther(token)) ? null : text;
}

function isMarkAt(entry: readonly Token[], at: number, text: string): boolean {
  const token = entry[at];
  return token?.kind === 'mark' && token.text === text;
}

/** Comments and blanks are passed over; null when something does not belong into such a field. */
function tokensOf(value: string): Token[] | null {
  const tokens: Token[] = [];
  let at = 0;
  while (at < value.length) {
    const [kind, text] = tokenAt(value, at);
    if (text === '') return null;
    if (kind !== 'skipped') tokens.push({ kind, text, from: at });
    at += text.length;
  }
  return tokens;
}

function tokenAt(value: string, at: number): readonly [Token['kind'] | 'skipped', string] {
  const char = value.charAt(at);
  if (char === '(') return ['skipped', comment(value, at)];
  if (char === '"') return ['quoted', matchAt(quoted, value, at)];
  if (char === '[') return ['word', matchAt(literal, value, at)];
  if (/[<>,:;]/.test(char)) return ['mark', char];
  const skipped = matchAt(blank, value, at);
  return skipped === '' ? ['word', matchAt(word, value, at)] : ['skipped', skipped];
}

function matchAt(pattern: RegExp, value: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(value)?.[0] ?? '';
}

/** RFC 5322 §3.2.2: comments nest. '' when it has no end. */
function comment(value: string, from: number): string {
  let depth = 0;
  for (let at = from; at < value.length; at++) {
    const char = value.charAt(at);
    if (char === '\\') at++;
    else if (char === '(') depth++;
    else if (char === ')' && --depth === 0) return value.slice(from, at + 1);
  }
  return '';
}
