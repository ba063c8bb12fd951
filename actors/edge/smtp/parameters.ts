/**
 * The arguments of MAIL and RCPT: a path and ESMTP parameters (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2).
 *
 * Leaves to others: what an address is (`mail/address.ts`), which parameters a verb knows.
 */

export interface PathArgument {
  /** Without angle brackets and source route; '' is the null path. */
  readonly path: string;
  /** Upper-case keyword -> value, or null where it has none. */
  readonly parameters: ReadonlyMap<string, string | null>;
}

const none: ReadonlyMap<string, string | null> = new Map();
// RFC 5321 §4.1.2: esmtp-keyword and esmtp-value; RFC 6531 §3.3 adds UTF-8 to the value.
const parameterShape = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\x00-\x20=\x7f]+))?$/;
// RFC 5321 §4.1.2, A-d-l: must be accepted, should be ignored.
const sourceRoute = /^@[^\s,:@]+(?:,@[^\s,:@]+)*:/;
const pathBytesMax = 320 + 256;

/**
 * @param keyword `FROM:` or `TO:`
 * @returns null when the syntax is broken
 */
export function parsePathArgument(keyword: string, argument: string): PathArgument | null {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword) return null;
  let at = keyword.length;
  // Blanks behind the colon are against the RFC and widely sent.
  while (argument.charCodeAt(at) === 32) at++;
  if (argument.charCodeAt(at) !== 60) return null;
  const end = closingBracket(argument, at + 1);
  if (end === -1 || end - at > pathBytesMax) return null;
  let path = argument.slice(at + 1, end);
  if (path.charCodeAt(0) === 64) path = path.replace(sourceRoute, '');
  if (end + 1 === argument.length) return { path, parameters: none };
  const parameters = parseParameters(argument.slice(end + 1));
  return parameters === null ? null : { path, parameters };
}

/** A quoted local part may hold `>` and `"` behind a backslash (RFC 5321 §4.1.2). */
function closingBracket(text: string, from: number): number {
  if (text.charCodeAt(from) !== 34) {
    const end = text.indexOf('>', from);
    const open = text.indexOf('<', from);
    return open !== -1 && open < end ? -1 : end;
  }
  let isQuoted = false;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 92 && isQuoted) at++;
    else if (code === 34) isQuoted = !isQuoted;
    else if (code === 62 && !isQuoted) return at;
  }
  return -1;
}

/** Null when one is malformed or given twice. */
function parseParameters(text: string): ReadonlyMap<string, string | null> | null {
  if (text.trim() === '') return none;
  if (text.charCodeAt(0) !== 32) return null;
  const parameters = new Map<string, string | null>();
  for (const word of text.trim().split(/ +/)) {
    const match = parameterShape.exec(word);
    const name = match?.[1]?.toUpperCase();
    if (name === undefined || parameters.has(name)) return null;
    parameters.set(name, match?.[2] ?? null);
  }
  return parameters;
}
