/**
 * One attempt to send a mail, and what it says of the mail, as a client with a queue knows it of a cluster:
 *
 * - `250` to the final dot: accepted.
 * - no answer, or 4xx, to the final dot: unknown. A node that lost the leader amid the command answers 451 and cannot know
 *   whether the mail was kept, so it may be there, once.
 * - 5xx, or anything before the final dot: refused; it must not be there.
 */
import { systemClock } from '../../../runtime/base/clock.ts';
import { Ledger, type LedgerMail } from '../../support/ledger.ts';
import { type Answer, formatAnswer, isReply } from '../../support/smtp-answers.ts';
import { SmtpClient } from '../../support/smtp-client.ts';
import { type Delivery, deliver, type DeliveryOptions, type Outcome } from '../../support/smtp-delivery.ts';
import type { DrillMail } from '../mails.ts';

/** The ledger, and for each accepted mail who took it and when: what is looked at first when it is lost. */
export class Books {
  readonly ledger = new Ledger();
  readonly takenBy = new Map<number, { readonly node: string; readonly atMs: number }>();

  enter(mail: LedgerMail, outcome: Outcome, node: string): void {
    this.ledger.enter(mail, outcome);
    if (outcome === 'accepted') this.takenBy.set(mail.number, { node, atMs: systemClock.monotonicMs() });
  }
}

/** A node's door. */
export interface Door {
  readonly node: string;
  readonly port: number;
}

export interface Greeting {
  readonly silenceMsMax: number;
  /** After EHLO; left out: nothing is needed. */
  readonly login?: (client: SmtpClient) => Promise<Answer>;
  /** Called in the same turn in which a 250 to a mail was read. */
  readonly onAccepted: () => void;
}

export interface Sent {
  readonly outcome: Outcome;
  /** It was answered with 4xx, or not at all: a client with a queue sends it again. */
  readonly isForNow: boolean;
  /** The answer that decided, with the verb it came to. */
  readonly told: string;
  /** Answers that no fault excuses: 5xx to a recipient that is known, 250 to one that is not. */
  readonly wrong: readonly string[];
}

/** A connection to one node that has said EHLO. */
export class Sender {
  readonly client: SmtpClient;
  readonly #node: string;
  /** Replies with 5xx since the last mail. */
  readonly #refusals: string[];

  private constructor(client: SmtpClient, node: string, refusals: string[]) {
    this.client = client;
    this.#node = node;
    this.#refusals = refusals;
  }

  /** @returns what it said when it does not let us in */
  static async greet({ node, port }: Door, { silenceMsMax, login, onAccepted }: Greeting): Promise<Sender | Answer> {
    const refusals: string[] = [];
    const onReply = ({ code, text }: { readonly code: number; readonly text: string }): void => {
      if (code >= 500) refusals.push(text);
      // Only the reply to the final dot names an id.
      if (code === 250 && text.includes(' id=')) onAccepted();
    };
    const client = new SmtpClient({ port, silenceMsMax, onReply });
    const greeted = await client.hello('drill.example');
    const answer = login !== undefined && isReply(greeted, 250) ? await login(client) : greeted;
    if (isReply(answer, 250, 235)) return new Sender(client, node, refusals);
    client.hangUp();
    return answer;
  }

  get node(): string {
    return this.#node;
  }

  async send(mail: DrillMail, books: Books, options: DeliveryOptions = {}): Promise<Sent> {
    this.#refusals.length = 0;
    const { client } = this;
    const delivery = await deliver(client, mail, mail.bytes, { parameters: ' BODY=8BITMIME', ...options });
    const outcome = outcomeOf(delivery);
    // Where nobody was taken, the next mail needs a fresh transaction.
    if (outcome === 'refused' && !client.isOver) await client.ask('RSET');
    const { number, messageId } = mail;
    books.enter({ number, messageId, mailboxOf: owedOf(mail, outcome, delivery.taken) }, outcome, this.#node);
    const { answer, step, taken } = delivery;
    return {
      outcome,
      isForNow: outcome !== 'accepted' && (answer.kind === 'lost' || answer.code < 500),
      told: `${step} ${formatAnswer(answer)}`,
      wrong: wrongIn(mail, taken, this.#refusals),
    };
  }
}

export function outcomeOf({ outcome, step, answer }: Pick<Delivery, 'outcome' | 'step' | 'answer'>): Outcome {
  const isPutOff = answer.kind === 'reply' && answer.code >= 400 && answer.code < 500;
  return outcome === 'refused' && step === 'dot' && isPutOff ? 'unknown' : outcome;
}

/** What the server owes: copies for the recipients that it took; of a refused mail, all that must not be there. */
function owedOf(mail: DrillMail, outcome: Outcome, taken: readonly string[]): LedgerMail['mailboxOf'] {
  if (outcome === 'refused') return mail.mailboxOf;
  return new Map([...mail.mailboxOf].filter(([address]) => taken.includes(address)));
}

export function wrongIn(
  mail: Pick<DrillMail, 'number' | 'to' | 'mailboxOf' | 'isRefused'>,
  taken: readonly string[],
  refusals: readonly string[],
): string[] {
  if (mail.isRefused === true) return taken.length === 0 ? [] : [`mail ${mail.number}: a stranger's sender was taken`];
  const strangers = mail.to.filter((address) => !mail.mailboxOf.has(address));
  const wrong = strangers.filter((address) => taken.includes(address)).map((address) => `unknown ${address} was taken`);
  // Each stranger is refused once; DATA without a recipient is not said.
  if (refusals.length > strangers.length) wrong.push(`refused for good: ${refusals.join(' | ')}`);
  return wrong.map((what) => `mail ${mail.number}: ${what}`);
}
