/**
 * One mail to all its recipients over a session: MAIL, RCPT, DATA, the bytes, the final dot.
 *
 *     begin()  -> MAIL RCPT RCPT [DATA]      one write where the server pipelines; may follow the dot of the mail before
 *     finish() -> (DATA) 354, confirmed, bytes and dot, reply
 *
 * Promises: each recipient has one result; the dot goes out only after `confirm` said go and at least one recipient was
 * accepted; when it went out and no answer came, all accepted ones are in doubt, and in no other case is any.
 */
import type { Job, RecipientResult } from '../delivery-domain/protocol.ts';
import { isSendable, mailLine, needsSmtpUtf8, rcptLine } from './command-lines.ts';
import type { CourierLimits } from './limits.ts';
import type { MailContent } from './mail-content.ts';
import { isPositive, noReply, type Reply, resultOf } from './reply.ts';
import type { Session } from './session.ts';
import { WireBytes } from './wire-bytes.ts';

export interface TransactionEnd {
  /** In the order of the job's recipients. */
  readonly results: readonly RecipientResult[];
  /** The session ended before anything of the mail was handed over: another one may try. */
  readonly isUntouched: boolean;
}

interface Envelope {
  readonly mail: Reply;
  readonly recipients: readonly Reply[];
  /** To a DATA that went out with the rest. */
  readonly data: Reply | null;
}

export interface TransactionDoors {
  /** Whether the attempt still stands: asked right before the dot. Never throws. */
  readonly confirm: () => Promise<boolean>;
  /** The dot is being written: the next mail's envelope may follow in the same packet. */
  readonly dotGoesOut: () => void;
}

export class Transaction {
  readonly #session: Session;
  readonly #job: Job;
  readonly #content: MailContent;
  readonly #limits: CourierLimits;
  #envelope: Promise<Envelope> | null = null;
  readonly #refusal: Reply | null;

  constructor(session: Session, job: Job, content: MailContent, limits: CourierLimits) {
    this.#session = session;
    this.#job = job;
    this.#content = content;
    this.#limits = limits;
    this.#refusal = refusalOf(session, job, content);
  }

  /** Writes what may be written before an answer is here. */
  begin(): void {
    if (this.#refusal === null) this.#envelope ??= this.#exchange();
  }

  async finish(doors: TransactionDoors): Promise<TransactionEnd> {
    this.begin();
    if (this.#envelope === null) return this.#all(this.#refusal!, 'failed');
    const session = this.#session;
    const { mail, recipients, data: early } = await this.#envelope;
    if (!isPositive(mail)) {
      if (early?.code === 354) session.end(noReply('4.5.0', 'the server takes data for a mail that it refused'));
      return { ...this.#all(mail), isUntouched: mail.code === 0 || mail.code === 421 };
    }
    if (!recipients.some(isPositive)) {
      // RFC 2920 §3.1: it would take an empty mail now. Without the dot it takes none.
      if (early?.code === 354) session.end(noReply('4.5.0', 'the server takes data for recipients that it refused'));
      session.needsReset = true;
      return this.#ended(
        recipients,
        null,
        recipients.every(({ code }) => code === 0 || code === 421),
      );
    }
    const data = early ?? (await session.command('DATA', this.#limits.dataMsMax));
    if (data.code !== 354) {
      if (data.code >= 200 && data.code < 400) session.end(noReply('4.5.0', `DATA was answered ${data.code}`));
      session.needsReset = true;
      const reply = data.code >= 200 && data.code < 400 ? session.endedBy! : data;
      return this.#ended(recipients, reply, reply.code === 0 || reply.code === 421);
    }
    return this.#ended(recipients, ...(await this.#send(doors)));
  }

  async #exchange(): Promise<Envelope> {
    const session = this.#session;
    const { pipelining } = session.extensions;
    session.cork();
    const reset = session.needsReset ? session.command('RSET') : null;
    session.needsReset = false;
    if (!pipelining && reset !== null) await uncorked(session, reset);
    const mail = session.command(mailLine(this.#job, this.#content, session.extensions));
    if (!pipelining && !isPositive(await uncorked(session, mail))) {
      return { mail: await mail, recipients: [], data: null };
    }
    const recipients: Promise<Reply>[] = [];
    for (const recipient of this.#job.recipients) {
      const reply = session.command(rcptLine(recipient, session.extensions));
      recipients.push(reply);
      if (!pipelining) await reply;
    }
    // To a server that took a mail already; of a new one first see whether it takes the recipients.
    const data = pipelining && session.mailsEnded > 0 ? session.command('DATA', this.#limits.dataMsMax) : null;
    if (pipelining) session.uncork();
    return { mail: await mail, recipients: await Promise.all(recipients), data: await data };
  }

  /** The reply to the dot, what it means where there is none, and whether the mail is untouched. */
  async #send({ confirm, dotGoesOut }: TransactionDoors): Promise<[Reply, boolean, 'inDoubt' | null]> {
    const session = this.#session;
    const wire = new WireBytes();
    const isStreamed = this.#content.sizeBytes > this.#limits.pieceBytes;
    if (isStreamed) {
      try {
        for await (const piece of this.#content.pieces()) {
          session.write(wire.next(piece));
          await session.drained();
          if (session.endedBy !== null) return this.#cutShort();
        }
      } catch {
        return this.#brokenOff(noReply('4.3.0', 'the stored bytes of the mail could not be read'));
      }
    }
    if (!(await confirm())) return this.#brokenOff(noReply('4.3.0', calledBack));
    if (session.endedBy !== null) return this.#cutShort();
    session.cork();
    if (!isStreamed)
      for (const piece of this.#content.pieces() as Iterable<Uint8Array>) session.write(wire.next(piece));
    session.write(`${wire.end()}.\r\n`);
    const answer = session.expect(this.#limits.dotMsMax);
    dotGoesOut();
    session.uncork();
    const reply = await answer;
    if (reply.code === 0) return [reply, false, 'inDoubt'];
    if (reply.code < 200 || (reply.code >= 300 && reply.code < 400)) {
      session.end(noReply('4.5.0', `the final dot was answered ${reply.code}`));
      return [session.endedBy!, false, 'inDoubt'];
    }
    session.mailsEnded++;
    return [reply, false, null];
  }

  /** It ended and never got the dot. A server that says why while the mail is on its way means the mail. */
  #cutShort(): [Reply, boolean, null] {
    const { lastWord, endedBy } = this.#session;
    return lastWord !== null && lastWord.code >= 400 && lastWord.code !== 421
      ? [lastWord, false, null]
      : [endedBy!, true, null];
  }

  /** RFC 5321 §4.1.1.4: there is no word for it but to go. The server throws away what has no dot. */
  #brokenOff(why: Reply): [Reply, boolean, null] {
    this.#session.end(why);
    return [why, false, null];
  }

  #all(reply: Reply, outcome?: RecipientResult['outcome']): TransactionEnd {
    const results = this.#job.recipients.map(({ address }) => resultOf(address, notDelivered(reply), outcome));
    return { results, isUntouched: false };
  }

  /** @param reply to what came behind the recipients; it is that of the accepted ones. Null: there was none */
  #ended(
    recipients: readonly Reply[],
    reply: Reply | null,
    isUntouched: boolean,
    outcome: 'inDoubt' | null = null,
  ): TransactionEnd {
    const hasAccepted = recipients.some(isPositive);
    const results = this.#job.recipients.map(({ address }, at): RecipientResult => {
      const own = recipients[at]!;
      if (isPositive(own)) return outcome === null ? resultOf(address, reply!) : resultOf(address, reply!, outcome);
      // RFC 5321 §4.5.3.1.10: too many recipients, said with the wrong code. The others go with the next attempt.
      return own.code === 552 && hasAccepted ? resultOf(address, own, 'deferred') : resultOf(address, own);
    });
    return { results, isUntouched };
  }
}

/** Text of the result when the queue took the mail back at the last moment. */
const calledBack = 'the attempt was called back before the final dot; nothing was sent';

async function uncorked(session: Session, reply: Promise<Reply>): Promise<Reply> {
  session.uncork();
  return await reply;
}

/** A mail that this server can never take, known without asking it. */
function refusalOf({ extensions }: Session, job: Job, content: MailContent): Reply | null {
  if (needsSmtpUtf8(job) && !extensions.smtpUtf8)
    return noReply('5.6.7', 'the next server does not offer SMTPUTF8, which this mail needs');
  const { sizeBytesMax } = extensions;
  if (sizeBytesMax !== null && sizeBytesMax > 0 && content.sizeBytes > sizeBytesMax)
    return noReply('5.3.4', `the mail has ${content.sizeBytes} bytes, and the next server takes ${sizeBytesMax}`);
  if (!isSendable(job.envelope.reversePath) || !job.recipients.every(({ address }) => isSendable(address)))
    return noReply('5.1.3', 'an address of the envelope cannot be written in a command');
  return null;
}

/** A positive reply to MAIL delivers nothing. */
function notDelivered(reply: Reply): Reply {
  return isPositive(reply) ? noReply('4.5.0', reply.text) : reply;
}
