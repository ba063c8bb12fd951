/**
 * Many sessions that send numbered mails, as clients with a queue do: a mail whose reply was lost is sent again, or
 * given up and left unknown.
 *
 * Leaves to others: the node (`drill.ts` says when it is down and up), what the counts mean (`../support/ledger.ts`).
 */
import { type Answer, isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { type Delivery, deliver } from '../support/smtp-delivery.ts';
import type { Ledger } from '../support/ledger.ts';
import type { Chance } from './chance.ts';
import type { DrillMail, MailMaker } from './mails.ts';

/** Of mails whose reply was lost. The others stay unknown, as when the client's own host dies. */
const resendShare = 0.7;
/** Of all mails: the client itself loses the reply, while the server goes on. */
const hangUpShare = 0.01;
/** Of mails: the next one gets a connection of its own. */
const reconnectShare = 0.05;

export interface LoadOptions {
  readonly port: number;
  readonly sessions: number;
  readonly maker: Pick<MailMaker, 'make'>;
  /** After EHLO; left out: nothing is needed. */
  readonly login?: (client: SmtpClient) => Promise<Answer>;
  readonly ledger: Ledger;
  readonly chance: Chance;
  /** Called in the same turn in which a 250 to a mail was read. */
  readonly onAccepted: () => void;
}

export class Load {
  readonly #o: LoadOptions;
  readonly #again: number[] = [];
  #nextNumber = 1;
  #state: 'sending' | 'finishing' | 'over' = 'sending';
  #isUp = true;
  #waiting: (() => void)[] = [];
  readonly #sessions: Promise<void>[];
  /** What nobody expects of a healthy server: answers to known recipients that are no 2xx, unknown ones that are. */
  readonly oddities: string[] = [];

  constructor(options: LoadOptions) {
    this.#o = options;
    this.#sessions = Array.from({ length: options.sessions }, () => this.#run());
  }

  down(): void {
    this.#isUp = false;
  }

  up(): void {
    this.#isUp = true;
    for (const go of this.#waiting.splice(0)) go();
  }

  /** No new mails; what is to be sent again is sent again. */
  async finish(): Promise<void> {
    this.#state = 'finishing';
    await Promise.all(this.#sessions);
    this.#state = 'over';
  }

  /** For an end by an error: sessions stop at the next answer. */
  abandon(): void {
    this.#state = 'over';
    this.up();
  }

  async #run(): Promise<void> {
    let client: SmtpClient | null = null;
    for (;;) {
      if (!this.#isUp) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      const number = this.#next();
      if (number === null) break;
      if (client === null || client.isOver) client = await this.#connect();
      if (client === null) this.#again.push(number);
      else await this.#send(client, this.#o.maker.make(number));
      if (client !== null && this.#o.chance.isTrue(reconnectShare)) client.hangUp();
    }
    if (client !== null && !client.isOver) await client.quit();
  }

  #next(): number | null {
    if (this.#state === 'over') return null;
    const again = this.#again.shift();
    if (again !== undefined) return again;
    return this.#state === 'sending' ? this.#nextNumber++ : null;
  }

  /** Null when the server is not there (any more). */
  async #connect(): Promise<SmtpClient | null> {
    const onReply = (reply: { code: number; text: string }): void => {
      // Only the reply to the final dot names an id.
      if (reply.code === 250 && reply.text.includes(' id=')) this.#o.onAccepted();
    };
    const client = new SmtpClient({ port: this.#o.port, onReply });
    const greeted = await client.hello('drill.example');
    const { login } = this.#o;
    const answer = login !== undefined && isReply(greeted, 250) ? await login(client) : greeted;
    if (answer.kind === 'reply') {
      if ([250, 235].includes(answer.code)) return client;
      this.oddities.push(`greeting or login: ${answer.text}`);
    }
    client.hangUp();
    return null;
  }

  async #send(client: SmtpClient, mail: DrillMail): Promise<void> {
    const { chance, ledger } = this.#o;
    const isHangUp = chance.isTrue(hangUpShare);
    const delivery = await deliver(client, mail, mail.bytes, { parameters: ' BODY=8BITMIME', isHangUp });
    this.#noteOddities(mail, delivery);
    // Where nobody was taken, the next mail needs a fresh transaction.
    if (delivery.outcome === 'refused' && !client.isOver) await client.ask('RSET');
    const { number, messageId } = mail;
    ledger.enter({ number, messageId, mailboxOf: takenOf(mail, delivery) }, delivery.outcome);
    const isCut = delivery.answer.kind === 'lost';
    if (isCut && (delivery.outcome === 'refused' || chance.isTrue(resendShare))) this.#again.push(number);
  }

  #noteOddities(mail: DrillMail, delivery: Delivery): void {
    const wrongly = delivery.taken.filter((address) => !mail.mailboxOf.has(address));
    if (wrongly.length > 0) this.oddities.push(`mail ${mail.number}: unknown ${wrongly.join(' ')} was taken`);
    const isUsual = delivery.outcome === 'accepted' || mail.mailboxOf.size === 0 || mail.isRefused === true;
    if (delivery.answer.kind === 'lost' || isUsual) return;
    this.oddities.push(`mail ${mail.number}, ${delivery.step}: ${delivery.answer.text}`);
  }
}

/** What the server owes: copies for the recipients that it took; for a mail that was not sent, all that it must not have. */
function takenOf(mail: DrillMail, delivery: Delivery): ReadonlyMap<string, string> {
  if (delivery.outcome === 'refused') return mail.mailboxOf;
  return new Map([...mail.mailboxOf].filter(([address]) => delivery.taken.includes(address)));
}
