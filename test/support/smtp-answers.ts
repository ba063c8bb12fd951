/** What an SMTP server said, cut out of the bytes that came: whole replies, and what was left when it hung up. */

/** RFC 5321 §4.2: a reply of one or more lines. */
export interface Reply {
  readonly kind: 'reply';
  readonly code: number;
  /** Without the code and its separator. */
  readonly lines: readonly string[];
  /** All lines as they came, joined by blanks; for messages. */
  readonly text: string;
}

/** The connection ended, or stayed silent too long, before the reply was whole: what the server did is unknown. */
export interface NoReply {
  readonly kind: 'lost';
  readonly cause: string;
}

export type Answer = Reply | NoReply;

/** True for a whole reply with one of `codes`. */
export function isReply(answer: Answer, ...codes: readonly number[]): answer is Reply {
  return answer.kind === 'reply' && codes.includes(answer.code);
}

/** For messages: `550 5.1.1 …`, or `no reply (connection closed)`. */
export function formatAnswer(answer: Answer): string {
  return answer.kind === 'reply' ? answer.text : `no reply (${answer.cause})`;
}

/** @throws {Error} naming the answer when it is another one */
export function expectReply(answer: Answer, ...codes: readonly number[]): Reply {
  if (isReply(answer, ...codes)) return answer;
  throw new Error(`expected ${codes.join(' or ')}, got: ${formatAnswer(answer)}`);
}

/** Collects bytes and hands out whole replies. */
export class ReplyParser {
  #text = '';
  #lines: string[] = [];

  /** Bytes of a reply that is not whole yet. */
  get rest(): string {
    return [...this.#lines, this.#text].join('\r\n');
  }

  take(chunk: Buffer): Reply[] {
    this.#text += chunk.toString('latin1');
    const whole: Reply[] = [];
    for (;;) {
      const end = this.#text.indexOf('\r\n');
      if (end < 0) return whole;
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      this.#lines.push(line);
      if (/^\d{3}-/.test(line)) continue;
      whole.push(formReply(this.#lines));
      this.#lines = [];
    }
  }
}

function formReply(raw: readonly string[]): Reply {
  const last = raw.at(-1) ?? '';
  const code = /^\d{3}(?: |$)/.test(last) ? Number(last.slice(0, 3)) : 0;
  return { kind: 'reply', code, lines: raw.map((line) => line.slice(4)), text: raw.join(' ') };
}
