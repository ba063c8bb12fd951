/**
 * The numbered mails of an outbound drill. Every recipient is in one mail only, so that its address alone tells the mail:
 * in the far end's ledger, in the queue, in the in-doubt ledger and in a DSN.
 */
import { Chance } from '../chance.ts';
import { type DrillMail, textOf, textPool } from '../mails.ts';
import { drawnFate } from './fates.ts';

const kibibyte = 1024;
const refusedShare = 0.02;

export class OutboundMailMaker {
  readonly #seed: number;
  readonly #sender: string;
  readonly #domains: readonly string[];
  readonly #pool: Buffer;

  /** @param sender the account that logs in */
  constructor(seed: number, sender: string, domains: readonly string[]) {
    this.#seed = seed;
    this.#sender = sender;
    this.#domains = domains;
    this.#pool = textPool(new Chance(seed));
  }

  make(number: number): DrillMail {
    const chance = new Chance(Math.imul(this.#seed, 1_000_003) + number);
    // A reverse-path that belongs to nobody: whoever takes it would send mail in a stranger's name.
    const isRefused = chance.isTrue(refusedShare);
    const from = isRefused ? `stranger@${this.#sender.split('@')[1]}` : this.#sender;
    const draw = chance.fraction();
    const count = draw < 0.6 ? 1 : draw < 0.85 ? 2 : 3;
    const to = Array.from({ length: count }, (_, i) => {
      return `${drawnFate(chance.fraction()).name}-${number}-${i}@${chance.pick(this.#domains)}`;
    });
    const messageId = `<${number}.${this.#seed}@drill.example>`;
    const head = Buffer.from(
      `From: <${from}>\r\nTo: ${to.map((address) => `<${address}>`).join(',\r\n ')}\r\nMessage-ID: ${messageId}\r\n` +
        `Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: drill ${number}\r\nX-Mail-Number: ${number}\r\n\r\n` +
        `This is mail ${number}.\r\n`,
    );
    const bytes = Buffer.concat([head, textOf(this.#pool, chance, chance.between(kibibyte, 16 * kibibyte))]);
    const mailboxOf = new Map(to.map((address) => [address, address]));
    return { number, messageId, mailboxOf, from, to, bytes, isRefused };
  }
}
