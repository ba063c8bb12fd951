/** The numbered mails of a drill with several nodes: those of every drill, and the probes, small and for one recipient each. */
import { type AddressBook, type DrillMail, MailMaker } from '../mails.ts';

/** Numbers from here on are probes. */
const probesFrom = 1_000_000_000;

export class ClusterMailMaker extends MailMaker {
  readonly #seed: number;
  readonly #probes: string[] = [];

  constructor(seed: number, book: AddressBook, domain: string) {
    super(seed, book, domain);
    this.#seed = seed;
  }

  override make(number: number): DrillMail {
    return number < probesFrom ? super.make(number) : this.#probe(number);
  }

  /** The next one, for a mailbox. */
  makeProbe(address: string): DrillMail {
    this.#probes.push(address);
    return this.#probe(probesFrom + this.#probes.length - 1);
  }

  #probe(number: number): DrillMail {
    const address = this.#probes[number - probesFrom] as string;
    const from = 'probe@drill.example';
    const messageId = `<${number}.${this.#seed}@drill.example>`;
    const bytes = Buffer.from(
      `From: <${from}>\r\nTo: <${address}>\r\nMessage-ID: ${messageId}\r\n` +
        `Date: Tue, 24 Nov 2026 12:00:00 +0000\r\nSubject: probe ${number}\r\n\r\nThis is probe ${number}.\r\n`,
    );
    return { number, messageId, mailboxOf: new Map([[address, address]]), from, to: [address], bytes };
  }
}
