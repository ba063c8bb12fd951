/**
 * The numbered mails of a drill. Each follows from the seed and its number alone, so that none has to be kept to be
 * sent again or compared byte for byte.
 */
import type { LedgerMail } from '../support/ledger.ts';
import { Chance } from './chance.ts';

/** Address -> mailbox. An account's own address leads to itself. */
export type AddressBook = ReadonlyMap<string, string>;

export interface DrillMail extends LedgerMail {
  readonly from: string;
  /** As sent, with the unknown users among them. */
  readonly to: readonly string[];
  readonly bytes: Buffer;
  /** To be refused by the server as a whole. */
  readonly isRefused?: boolean;
}

const sender = 'sender@drill.example';
const kibibyte = 1024;
/** Above 64 KiB a body is kept in several rows and staged before its entry (plan §6). */
const sizeClasses = [
  { share: 0.6, min: kibibyte, max: 16 * kibibyte },
  { share: 0.9, min: 16 * kibibyte, max: 64 * kibibyte },
  { share: 1, min: 64 * kibibyte + 1, max: 100 * kibibyte },
] as const;

export class MailMaker {
  readonly #seed: number;
  readonly #book: AddressBook;
  readonly #addresses: readonly string[];
  readonly #domain: string;
  readonly #pool: Buffer;

  constructor(seed: number, book: AddressBook, domain: string) {
    this.#seed = seed;
    this.#book = book;
    this.#addresses = [...book.keys()];
    this.#domain = domain;
    this.#pool = textPool(new Chance(seed));
  }

  make(number: number): DrillMail {
    const chance = new Chance(Math.imul(this.#seed, 1_000_003) + number);
    const to = this.#recipients(chance);
    const messageId = `<${number}.${this.#seed}@drill.example>`;
    const sizes = chance.fraction();
    const sizeClass = sizeClasses.find(({ share }) => sizes < share) ?? sizeClasses[0];
    const head = Buffer.from(
      `From: <${sender}>\r\nTo: ${to.map((address) => `<${address}>`).join(',\r\n ')}\r\nMessage-ID: ${messageId}\r\n` +
        `Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: drill ${number}\r\n\r\nThis is mail ${number}.\r\n`,
    );
    const textBytes = chance.between(sizeClass.min, sizeClass.max) - head.length;
    const bytes = Buffer.concat([head, textOf(this.#pool, chance, textBytes)]);
    const known = to.flatMap((address) => {
      const mailbox = this.#book.get(address);
      return mailbox === undefined ? [] : [[address, mailbox] as const];
    });
    return { number, messageId, mailboxOf: new Map(known), from: sender, to, bytes };
  }

  /** Mostly one; some two or three, some with an unknown user among them, a few for unknown users alone. */
  #recipients(chance: Chance): string[] {
    const unknown = `nobody-${chance.between(1, 99)}@${this.#domain}`;
    if (chance.isTrue(0.03)) return [unknown];
    const draw = chance.fraction();
    const known = chance.pickSome(this.#addresses, draw < 0.6 ? 1 : draw < 0.85 ? 2 : 3);
    return chance.isTrue(0.08) ? [...known, unknown] : known;
  }
}

/** A piece of the pool: whole lines, at most `sizeBytes`, at least one. */
export function textOf(pool: Buffer, chance: Chance, sizeBytes: number): Buffer {
  const start = pool.indexOf('\r\n', chance.between(0, kibibyte)) + 2;
  const end = pool.lastIndexOf('\r\n', start + Math.max(sizeBytes, 100)) + 2;
  return pool.subarray(start, end);
}

/** Lines with what a mail path may spoil: leading dots, blanks at the end, bytes above 127, empty lines. */
export function textPool(chance: Chance): Buffer {
  const lines: Buffer[] = [];
  for (let bytes = 0; bytes < 110 * kibibyte; ) {
    const line = Buffer.alloc(chance.between(0, 90));
    for (let i = 0; i < line.length; i++) line[i] = chance.between(0x20, 0x7e);
    if (line.length > 2 && chance.isTrue(0.1)) line.write('..');
    if (line.length > 2 && chance.isTrue(0.1)) line[line.length - 1] = chance.between(0x80, 0xff);
    lines.push(line, Buffer.from('\r\n'));
    bytes += line.length + 2;
  }
  return Buffer.concat(lines);
}
