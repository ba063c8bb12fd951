/**
 * Replies of a remote server (RFC 5321 §4.2), cut out of its bytes.
 *
 * Promises: bounded memory and time linear in what came, whatever it is; a text holds no control characters and is cut.
 */
import type { RecipientResult } from '../delivery-domain/protocol.ts';
import type { CourierLimits } from './limits.ts';

/** A whole reply; or, with `code` 0, why there is none. */
export interface Reply {
  readonly code: number;
  /** RFC 3463; '' when there is none. */
  readonly enhanced: string;
  /** Without codes, its lines joined by a space. */
  readonly text: string;
}

/** Why there is no reply: our own words, with a status of ours. */
export function noReply(enhanced: string, text: string): Reply {
  return { code: 0, enhanced, text };
}

export const isPositive = ({ code }: Reply): boolean => code >= 200 && code < 300;

/** What a reply means for a mail that could not be handed over: 5yz is for ever, all else may change. */
export function outcomeOf({ code }: Reply): RecipientResult['outcome'] {
  if (code >= 200 && code < 300) return 'delivered';
  return code >= 500 && code < 600 ? 'failed' : 'deferred';
}

/** Of the text of a result: it is kept for each recipient, told to the sender, and shown. */
const resultCharactersMax = 300;

export function resultOf(address: string, reply: Reply, outcome = outcomeOf(reply)): RecipientResult {
  return {
    address,
    outcome,
    code: reply.code,
    enhanced: reply.enhanced,
    text: printable(reply.text, resultCharactersMax),
  };
}

type ReplyLimits = Pick<CourierLimits, 'replyLineBytesMax' | 'replyBytesMax' | 'replyTextCharactersMax'>;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export class ReplyReader {
  readonly #limits: ReplyLimits;
  /** Of a line that is not whole yet. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #lines: string[] = [];
  #replyBytes = 0;

  constructor(limits: ReplyLimits) {
    this.#limits = limits;
  }

  /** Whether a part of a reply is here. */
  get isInside(): boolean {
    return this.#restBytes > 0 || this.#lines.length > 0;
  }

  /** Calls `take` with each whole reply. Returns what is wrong with the bytes, after which nothing more may come; null: nothing. */
  push(chunk: Buffer, take: (reply: Reply) => void): string | null {
    let at = 0;
    while (at < chunk.length) {
      const end = chunk.indexOf(lineFeed, at);
      const stop = end < 0 ? chunk.length : end;
      this.#replyBytes += stop - at;
      if (this.#restBytes + stop - at > this.#limits.replyLineBytesMax) return 'a line of its reply has no end';
      if (this.#replyBytes > this.#limits.replyBytesMax) return 'its reply has no end';
      const piece = chunk.subarray(at, stop);
      if (end < 0) {
        // A copy: the chunk is a window on a pool.
        this.#rest.push(Buffer.from(piece));
        this.#restBytes += piece.length;
        return null;
      }
      const wrong = this.#takeLine(this.#restBytes === 0 ? piece : this.#joined(piece), take);
      if (wrong !== null) return wrong;
      at = end + 1;
    }
    return null;
  }

  #joined(piece: Buffer): Buffer {
    const line = Buffer.concat([...this.#rest, piece]);
    this.#rest = [];
    this.#restBytes = 0;
    return line;
  }

  #takeLine(line: Buffer, take: (reply: Reply) => void): string | null {
    const text = line.toString('utf8', 0, line.at(-1) === carriageReturn ? line.length - 1 : line.length);
    const separator = text.charAt(3);
    if (!/^[2-5]\d\d/.test(text) || !(separator === '' || separator === ' ' || separator === '-'))
      return `what it says is no SMTP reply: ${printable(text, 80)}`;
    this.#lines.push(text);
    if (separator === '-') return null;
    const lines = this.#lines;
    this.#lines = [];
    this.#replyBytes = 0;
    take(parseReply(lines, this.#limits.replyTextCharactersMax));
    return null;
  }
}

/** @param lines each with its code in front, at least one */
export function parseReply(lines: readonly string[], charactersMax: number): Reply {
  const code = Number(lines.at(-1)!.slice(0, 3));
  let enhanced = '';
  const texts = lines.map((line) => {
    const text = line.slice(4);
    // RFC 2034 §4: the enhanced code stands on each line.
    const match = /^([245]\.\d{1,3}\.\d{1,3})(?: |$)/.exec(text);
    if (match === null) return text;
    enhanced = match[1]!;
    return text.slice(match[0].length);
  });
  return { code, enhanced, text: printable(texts.join(' '), charactersMax) };
}

/** In one line, without control characters, cut. */
export function printable(text: string, charactersMax: number): string {
  return text
    .slice(0, charactersMax)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .toWellFormed()
    .trim();
}
