/**
 * One mail through SMTP, with the outcome as an honest client may put it:
 *
 * - `accepted`: a 2xx to the final dot was read.
 * - `refused`: some 4xx or 5xx was read, or the connection was over before the final dot was written.
 * - `unknown`: the final dot was written and no reply was read.
 */
import { type Answer, isReply } from './smtp-answers.ts';
import type { SmtpClient } from './smtp-client.ts';

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

export type Outcome = 'accepted' | 'refused' | 'unknown';

export interface Delivery {
  readonly outcome: Outcome;
  /** The answer that decided. */
  readonly answer: Answer;
  readonly step: 'mail' | 'rcpt' | 'data' | 'dot';
  /** Recipients that were answered with 2xx. */
  readonly taken: readonly string[];
}

export interface DeliveryOptions {
  /** After MAIL, e.g. ` SIZE=100`. */
  readonly parameters?: string;
  /** Hang up right after the final dot: the reply is lost, as when the network breaks. */
  readonly isHangUp?: boolean;
}

const finalDot = Buffer.from('.\r\n');

/** After EHLO, or after another mail. Goes on when at least one recipient is taken. */
export async function deliver(
  client: SmtpClient,
  envelope: Envelope,
  bytes: Uint8Array,
  options: DeliveryOptions = {},
): Promise<Delivery> {
  const taken: string[] = [];
  const mail = await client.ask(`MAIL FROM:<${envelope.from}>${options.parameters ?? ''}`);
  if (!isReply(mail, 250)) return { outcome: 'refused', answer: mail, step: 'mail', taken };
  let lastRefusal: Answer = mail;
  for (const address of envelope.to) {
    const answer = await client.ask(`RCPT TO:<${address}>`);
    if (isReply(answer, 250, 251)) taken.push(address);
    else lastRefusal = answer;
  }
  if (taken.length === 0 || client.isOver) return { outcome: 'refused', answer: lastRefusal, step: 'rcpt', taken };
  const data = await client.ask('DATA');
  if (!isReply(data, 354)) return { outcome: 'refused', answer: data, step: 'data', taken };
  client.write(Buffer.concat([dotStuffed(bytes), finalDot]));
  if (options.isHangUp === true) {
    // What was written before goes out with the FIN; a RST could overtake it only on the other side.
    await client.writeAndDrain(Buffer.alloc(0));
    client.hangUp();
  }
  const dot = await client.read();
  if (dot.kind === 'lost') return { outcome: 'unknown', answer: dot, step: 'dot', taken };
  return { outcome: dot.code === 250 ? 'accepted' : 'refused', answer: dot, step: 'dot', taken };
}

/** RFC 5321 §4.5.2. `bytes` ends with CRLF. */
export function dotStuffed(bytes: Uint8Array): Buffer {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Buffer[] = [];
  const dot = Buffer.from('.');
  let start = 0;
  if (text[0] === 0x2e) parts.push(dot);
  for (;;) {
    const at = text.indexOf('\r\n.', start);
    if (at < 0) break;
    parts.push(text.subarray(start, at + 2), dot);
    start = at + 2;
  }
  parts.push(text.subarray(start));
  return Buffer.concat(parts);
}
