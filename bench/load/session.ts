/**
 * One SMTP session of the load generator: the classic dialogue in lock-step, one command and one answer, as
 * `smtp-source` has it, so that every server is asked the same.
 *
 * Promises: sends only buffers that are ready; any answer other than the one expected is reported to the plan, never
 * passed over. Leaves to others: when to send and what to count (`generator.ts`).
 */
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../runtime/base/clock.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { MessageTemplate } from './message.ts';

/** `open` keeps the connection for all mails of the session. */
export type SessionMode = 'open' | 'one-per-connection';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Source address; several spread many connections over the limits that a server has for one client. */
  readonly localAddress?: string;
  /** RFC 4616, once a connection: for submission. */
  readonly auth?: { readonly user: string; readonly password: string };
}

/** An envelope recipient, ready to be sent. */
export interface Recipient {
  /** In angle brackets. */
  readonly path: string;
  /** `RCPT TO:<…>\r\n` */
  readonly command: Buffer;
}

export interface Accepted {
  /** From MAIL (or from connecting, with one mail per connection) to `250`. */
  readonly latencyMs: number;
  /** From when the mail was due to `250`; without a pace the same as `latencyMs`. */
  readonly sinceDueMs: number;
  /** What the answer says of copies (`copiesIn`). */
  readonly copies: number;
}

/** What a session asks of the run it is part of. */
export interface SessionPlan {
  /** The next mail's recipient, or undefined when the session shall end. */
  nextRecipient(): Recipient | undefined;
  /** The connection stands, and is logged in. Calls `go` when the first mail over it may begin. */
  ready(go: () => void): void;
  /**
   * Calls `go` when the session may begin its next mail: at once, or in its turn of a steady pace, which may be overdue.
   * `dueMs` is when that turn was (`monotonicMs`).
   */
  whenNext(go: (dueMs?: number) => void): void;
  /** Answered with `250`. */
  accepted(accepted: Accepted): void;
  /** An answer that is not the expected one. The session goes on after `4xx` and `5xx` in the dialogue. */
  refused(step: string, answer: string): void;
  /** The session is over: asked to, or by `cause`. */
  ended(cause?: string): void;
}

const steps = ['greeting', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'dot', 'rset', 'quit'] as const;
type Step = (typeof steps)[number];

/** First digit of the answer that lets the dialogue go on. */
const expectedDigit: Readonly<Record<Step, number>> = {
  greeting: 0x32,
  ehlo: 0x32,
  auth: 0x32,
  mail: 0x32,
  rcpt: 0x32,
  data: 0x33,
  dot: 0x32,
  rset: 0x32,
  quit: 0x32,
};

const ehloCommand = Buffer.from('EHLO load.example\r\n');
const dataCommand = Buffer.from('DATA\r\n');
const rsetCommand = Buffer.from('RSET\r\n');
const quitCommand = Buffer.from('QUIT\r\n');

/** Shared by all sockets: Node reads into it and calls back in the same turn. */
const readBuffer = Buffer.allocUnsafe(16 * 1024);

export class LoadSession {
  readonly #target: Target;
  readonly #mode: SessionMode;
  readonly #authCommand: Buffer | null;
  readonly #mailCommand: Buffer;
  readonly #message: MessageTemplate;
  readonly #plan: SessionPlan;
  #socket: Socket | undefined;
  #step: Step = 'greeting';
  #recipient: Recipient | undefined;
  #startMs = 0;
  #dueMs = 0;
  #copies = 0;
  /** What has come of an answer whose end has not. */
  #partial = '';

  constructor(target: Target, mode: SessionMode, sender: string, message: MessageTemplate, plan: SessionPlan) {
    this.#target = target;
    this.#mode = mode;
    this.#authCommand = target.auth === undefined ? null : authCommand(target.auth);
    this.#mailCommand = Buffer.from(`MAIL FROM:<${sender}>\r\n`);
    this.#message = message;
    this.#plan = plan;
  }

  start(): void {
    this.#recipient = this.#plan.nextRecipient();
    if (this.#recipient === undefined) return this.#plan.ended();
    this.#connect();
  }

  /** Drops the connection without a word. Nothing is reported after it. */
  abort(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #connect(): void {
    this.#step = 'greeting';
    this.#partial = '';
    if (this.#mode === 'one-per-connection') this.#startMs = systemClock.monotonicMs();
    const socket = connect({
      host: this.#target.host,
      port: this.#target.port,
      ...(this.#target.localAddress === undefined ? {} : { localAddress: this.#target.localAddress }),
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: (count, buffer) => {
          if (this.#socket === socket) this.#read(buffer as Buffer, count);
          return true;
        },
      },
    });
    this.#socket = socket;
    socket.once('error', (error) => this.#lose(socket, error.message));
    socket.once('close', () => this.#lose(socket, `connection closed by the server in step ${this.#step}`));
  }

  #lose(socket: Socket, cause: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#plan.ended(cause);
  }

  #read(buffer: Buffer, count: number): void {
    // Nearly always one whole single-line answer: decide by three bytes, make no string.
    const isWhole = this.#partial === '' && count >= 5 && buffer[count - 1] === 0x0a && buffer[3] !== 0x2d;
    if (isWhole && buffer[0] === expectedDigit[this.#step]) {
      if (this.#step === 'dot') this.#copies = copiesIn(buffer, count);
      return this.#advance();
    }
    this.#partial += buffer.toString('latin1', 0, count);
    const answer = this.#partial;
    if (!/^\d{3}(?: [^\n]*)?\r?\n$/m.test(answer) || !answer.endsWith('\n')) return;
    this.#partial = '';
    if (this.#step === 'dot') this.#copies = copiesIn(Buffer.from(answer, 'latin1'), answer.length);
    if (answer.charCodeAt(0) === expectedDigit[this.#step]) this.#advance();
    else this.#refuse(answer.trimEnd());
  }

  #advance(): void {
    switch (this.#step) {
      case 'greeting':
        return this.#send('ehlo', ehloCommand);
      case 'ehlo':
        return this.#authCommand === null ? this.#sendFirst() : this.#send('auth', this.#authCommand);
      case 'auth':
        return this.#sendFirst();
      case 'rset':
        return this.#sendMail();
      case 'mail':
        invariant(this.#recipient, 'a mail under way has a recipient');
        return this.#send('rcpt', this.#recipient.command);
      case 'rcpt':
        return this.#send('data', dataCommand);
      case 'data':
        invariant(this.#recipient, 'a mail under way has a recipient');
        this.#message.next(this.#recipient.path);
        return this.#send('dot', this.#message.bytes);
      case 'dot':
        this.#accept();
        return this.#mode === 'open' ? this.#nextMail() : this.#send('quit', quitCommand);
      case 'quit':
        return this.#hangUp();
    }
  }

  #sendFirst(): void {
    this.#plan.ready(() => this.#sendMail());
  }

  #sendMail(): void {
    this.#plan.whenNext((dueMs) => {
      if (this.#mode === 'open') this.#startMs = systemClock.monotonicMs();
      this.#dueMs = dueMs ?? this.#startMs;
      this.#send('mail', this.#mailCommand);
    });
  }

  #accept(): void {
    const nowMs = systemClock.monotonicMs();
    const [latencyMs, sinceDueMs] = [nowMs - this.#startMs, nowMs - this.#dueMs];
    this.#plan.accepted({ latencyMs, sinceDueMs, copies: this.#copies });
  }

  #nextMail(): void {
    this.#recipient = this.#plan.nextRecipient();
    if (this.#recipient === undefined) this.#send('quit', quitCommand);
    else this.#sendMail();
  }

  /** After `221`: the end, or the next connection. */
  #hangUp(): void {
    this.abort();
    if (this.#mode === 'open') this.#plan.ended();
    else this.start();
  }

  #refuse(answer: string): void {
    const step = this.#step;
    this.#plan.refused(step, answer);
    // RFC 5321 §3.8: 421 announces that the server closes; so does a refusal before or at EHLO for our purpose.
    const isOver = answer.startsWith('421') || ['greeting', 'ehlo', 'auth', 'rset', 'quit'].includes(step);
    if (isOver) {
      this.abort();
      return this.#plan.ended(`${step} was refused: ${answer}`);
    }
    this.#recipient = this.#plan.nextRecipient();
    if (this.#recipient === undefined) this.#send('quit', quitCommand);
    else this.#send('rset', rsetCommand);
  }

  #send(step: Step, bytes: Buffer): void {
    this.#step = step;
    this.#socket?.write(bytes);
  }
}

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/**
 * How many copies there are, of how many, as Ringpost ends its answer: `… copies=2/3\r\n` is 23. By places alone, since
 * every mail has one.
 * @param count bytes of the answer
 * @returns 0 when it does not say
 */
export function copiesIn(answer: Buffer, count: number): number {
  const [equals, have, slash, of] = [count - 6, count - 5, count - 4, count - 3];
  if (answer[slash] !== 0x2f || answer[equals] !== 0x3d || !isDigit(answer[have]) || !isDigit(answer[of])) return 0;
  return ((answer[have] as number) - 0x30) * 10 + (answer[of] as number) - 0x30;
}

function authCommand({ user, password }: { user: string; password: string }): Buffer {
  return Buffer.from(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}\r\n`);
}
