/** A command line as text: which verb, with what (RFC 5321 §4.1.1). */
import { isUtf8 } from 'node:buffer';
import { type Reply, replies } from './replies.ts';

export interface CommandLine {
  /** Upper-case. */
  readonly name: string;
  readonly argument: string;
}

const controls = /[\0-\x1f\x7f]/;
const beyondAscii = /[\x80-\xff]/;

/**
 * @param raw one line without its end, in Latin-1
 * @returns the reply, when it is no command line at all
 */
export function parseCommandLine(raw: string): CommandLine | Reply {
  if (controls.test(raw)) return replies.controlCharacters;
  const line = beyondAscii.test(raw) ? decodeUtf8(raw) : raw;
  if (line === null) return replies.notUtf8;
  const name = verbOf(line);
  return { name, argument: line.slice(name.length + 1).trim() };
}

/** The verb alone, for a line that may have to wait. */
export function verbOf(line: string): string {
  const end = line.indexOf(' ');
  return (end === -1 ? line : line.slice(0, end)).toUpperCase();
}

/** A web page that posts to this port must not get to a second line (cross-protocol request). */
export function isHttpRequest({ name, argument }: CommandLine): boolean {
  return /^(?:OPTIONS|GET|HEAD|POST|PUT|DELETE|TRACE|CONNECT)$/.test(name) && /HTTP\/\d/i.test(argument);
}

/** RFC 6531 §3.3 allows UTF-8 in commands. Null when it is neither that nor ASCII. */
function decodeUtf8(raw: string): string | null {
  const bytes = Buffer.from(raw, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}
