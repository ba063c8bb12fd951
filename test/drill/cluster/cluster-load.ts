/**
 * Sessions that send numbered mails to a cluster, each connection to any of its nodes, as clients with a queue do: what
 * was put off or got no reply is sent again, to whichever node comes next, or is given up and left unknown.
 *
 * Leaves to others: which nodes live (a client does not know either), what the counts mean (`../../support/ledger.ts`).
 */
import { pause } from '../../../bench/measure/wait.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { type Answer, formatAnswer } from '../../support/smtp-answers.ts';
import type { SmtpClient } from '../../support/smtp-client.ts';
import type { Chance } from '../chance.ts';
import type { DrillMail } from '../mails.ts';
import { type Books, type Door, Sender } from './sending.ts';

/** Of mails that were put off, or whose reply was lost. The others stay unknown, as when the client's own host dies. */
const resendShare = 0.8;
/** Of all mails: the client itself loses the reply, while the cluster goes on. */
const hangUpShare = 0.01;
/** Of mails: the next one gets a connection of its own, to a node drawn anew. */
const reconnectShare = 0.15;
/** A node that stands still is left after so long, and the mail tried elsewhere while it may still come through there. */
const silenceMsMax = 6_000;
/** Before another node is tried. */
const awayMs = 50;
const finishMsMax = 120_000;
const wrongKeptMax = 50;

export interface ClusterLoadOptions {
  readonly doors: readonly Door[];
  readonly sessions: number;
  /** Between two mails of a session, on average. */
  readonly thinkMs: number;
  readonly maker: { make(number: number): DrillMail };
  readonly login?: (client: SmtpClient) => Promise<Answer>;
  readonly books: Books;
  readonly chance: Chance;
  /** Called in the same turn in which a 250 to a mail was read. */
  readonly onAccepted: () => void;
}

export class ClusterLoad {
  readonly #o: ClusterLoadOptions;
  readonly #again: number[] = [];
  readonly #sessions: Promise<void>[];
  #nextNumber = 1;
  #state: 'sending' | 'finishing' | 'over' = 'sending';
  /** What was put off, by its answer: how the cluster looked from outside. */
  readonly putOff = new Map<string, number>();
  /** What no fault excuses. */
  readonly wrong: string[] = [];
  #wrongCount = 0;

  constructor(options: ClusterLoadOptions) {
    this.#o = options;
    this.#sessions = Array.from({ length: options.sessions }, () => this.#run());
  }

  get wrongCount(): number {
    return this.#wrongCount;
  }

  /** No new mails; what is to be sent again is sent again, as long as that takes, but not for ever. */
  async finish(): Promise<void> {
    this.#state = 'finishing';
    const cancel = systemClock.after(finishMsMax, () => this.abandon());
    await Promise.all(this.#sessions);
    cancel();
    this.#state = 'over';
  }

  /** Sessions stop at the next answer. */
  abandon(): void {
    this.#state = 'over';
  }

  async #run(): Promise<void> {
    const { chance, maker, thinkMs } = this.#o;
    let sender: Sender | null = null;
    for (;;) {
      const number = this.#next();
      if (number === null) break;
      if (sender === null || sender.client.isOver) sender = await this.#greet();
      if (sender === null) this.#again.push(number);
      else await this.#send(sender, maker.make(number));
      if (sender === null) await pause(awayMs);
      else if (chance.isTrue(reconnectShare)) sender.client.hangUp();
      if (this.#state === 'sending') await pause(Math.round(thinkMs * 2 * chance.fraction()));
    }
    if (sender !== null && !sender.client.isOver) await sender.client.quit();
  }

  #next(): number | null {
    if (this.#state === 'over') return null;
    const again = this.#again.shift();
    if (again !== undefined) return again;
    return this.#state === 'sending' ? this.#nextNumber++ : null;
  }

  /** Null when the node is not there, or does not let us in now. */
  async #greet(): Promise<Sender | null> {
    const { chance, doors, onAccepted, login } = this.#o;
    const door = chance.pick(doors);
    const greeted = await Sender.greet(door, { silenceMsMax, onAccepted, ...(login === undefined ? {} : { login }) });
    if (greeted instanceof Sender) return greeted;
    this.#notePutOff(`greeting ${formatAnswer(greeted)}`);
    if (greeted.kind === 'reply' && greeted.code >= 500) this.#noteWrong(`${door.node}: ${greeted.text}`);
    return null;
  }

  async #send(sender: Sender, mail: DrillMail): Promise<void> {
    const { chance, books } = this.#o;
    const sent = await sender.send(mail, books, { isHangUp: chance.isTrue(hangUpShare) });
    for (const wrong of sent.wrong) this.#noteWrong(`${sender.node}: ${wrong}`);
    if (!sent.isForNow) return;
    this.#notePutOff(sent.told);
    // A node that puts mail off may be the one that is cut off.
    if (!sender.client.isOver && chance.isTrue(0.5)) sender.client.hangUp();
    if (chance.isTrue(resendShare)) this.#again.push(mail.number);
  }

  #notePutOff(told: string): void {
    const kind = told.replaceAll(/<[^>]*>|\d{6,}|\S+@\S+/g, '…').slice(0, 80);
    this.putOff.set(kind, (this.putOff.get(kind) ?? 0) + 1);
  }

  #noteWrong(what: string): void {
    this.#wrongCount++;
    if (this.wrong.length < wrongKeptMax) this.wrong.push(what);
  }
}
