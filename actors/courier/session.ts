/**
 * One connection to a remote server on which mail may be sent: commands out, replies in, in order (RFC 2920).
 *
 * Promises: what is expected is always answered, by a reply or by one with `code` 0 that says why none came; a reply
 * that nobody expects, an unreadable one or a late one ends the session; nothing that the server does makes it wait or
 * grow beyond its bounds.
 * Leaves to others: what is said (`transaction.ts`), how the connection came about (`open-session.ts`).
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../runtime/base/clock.ts';
import type { Extensions } from './extensions.ts';
import type { CourierLimits } from './limits.ts';
import { noReply, type Reply, ReplyReader } from './reply.ts';

export interface SessionOptions {
  readonly socket: Socket;
  readonly host: string;
  readonly extensions: Extensions;
  /** For `AttemptResult.tls`. */
  readonly tls: { readonly policy: string; readonly outcome: string };
  readonly clock: Clock;
  readonly limits: CourierLimits;
}

interface Expected {
  readonly msMax: number;
  readonly resolve: (reply: Reply) => void;
}

export class Session {
  readonly host: string;
  readonly ip: string | null;
  readonly extensions: Extensions;
  readonly tls: SessionOptions['tls'];
  /** Mails of which the server took the final dot and said something to it. */
  mailsEnded = 0;
  /** A transaction was begun and left: RSET must come before the next one. */
  needsReset = false;
  /** What it said unasked before it went: while a mail is on its way, the reason that it will not take it. */
  lastWord: Reply | null = null;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #limits: CourierLimits;
  readonly #reader: ReplyReader;
  readonly #expected: Expected[] = [];
  #lateAtMs = 0;
  #heardMs: number;
  #cancelAlarm: (() => void) | null = null;
  #end: Reply | null = null;
  #onDrain: (() => void) | null = null;

  constructor({ socket, host, extensions, tls, clock, limits }: SessionOptions) {
    this.host = host;
    this.extensions = extensions;
    this.tls = tls;
    this.ip = socket.remoteAddress?.replace(/^::ffff:/, '') ?? null;
    this.#socket = socket;
    this.#clock = clock;
    this.#limits = limits;
    this.#heardMs = clock.monotonicMs();
    this.#reader = new ReplyReader(limits);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#onDrain?.());
    socket.on('error', (error) => this.end(noReply('4.4.2', `the connection broke: ${error.message}`)));
    const closed = (): void => this.end(noReply('4.4.2', 'the server closed the connection'));
    socket.on('end', closed);
    socket.on('close', closed);
    if (socket.destroyed) closed();
    else socket.resume();
  }

  /** Why it is over; null while it is not. */
  get endedBy(): Reply | null {
    return this.#end;
  }

  /** Since when a reply is waited for without a word; null: none is. */
  get waitsSinceMs(): number | null {
    return this.#expected.length === 0 ? null : this.#heardMs;
  }

  /** What is written until `uncork` goes out together. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  write(bytes: Uint8Array | string): void {
    if (this.#end === null) this.#socket.write(bytes);
  }

  /** Sends a command line (without CRLF) and expects its reply. */
  command(line: string, msMax = this.#limits.commandMsMax): Promise<Reply> {
    this.write(`${line}\r\n`);
    return this.expect(msMax);
  }

  /** The next reply that is not expected yet. Its time runs from when those before it are here. */
  expect(msMax: number): Promise<Reply> {
    if (this.#end !== null) return Promise.resolve(this.#end);
    return new Promise((resolve) => {
      if (this.#expected.push({ msMax, resolve }) === 1) this.#watch(msMax);
    });
  }

  /** Settles when the system has taken what was written, or the session is over. */
  async drained(): Promise<void> {
    if (this.#end !== null || !this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const late = (): void => this.end(noReply('4.4.2', 'the server takes no more of the mail'));
      const cancel = this.#clock.after(this.#limits.blockMsMax, late);
      this.#onDrain = () => {
        cancel();
        this.#onDrain = null;
        resolve();
      };
    });
  }

  /** Ends it at once; what is still expected gets `why`. */
  end(why: Reply): void {
    if (this.#end !== null) return;
    this.#end = why;
    this.#cancelAlarm?.();
    this.#socket.destroy();
    for (const { resolve } of this.#expected.splice(0)) resolve(why);
    this.#onDrain?.();
  }

  /** Ends it politely; nothing may be expected any more. */
  quit(): void {
    if (this.#end !== null) return;
    this.#end = noReply('', 'ended by us');
    this.#cancelAlarm?.();
    this.#socket.end('QUIT\r\n');
    const cancel = this.#clock.after(this.#limits.quitMsMax, () => this.#socket.destroy());
    this.#socket.once('close', cancel);
  }

  #take(chunk: Buffer): void {
    // After QUIT nobody reads what is said.
    if (this.#end !== null) return;
    const wrong = this.#reader.push(chunk, (reply) => this.#settle(reply));
    if (wrong !== null) this.end(noReply('4.5.0', wrong));
  }

  #settle(reply: Reply): void {
    const [head, next] = this.#expected;
    if (head === undefined) {
      this.lastWord = reply;
      this.end(noReply(reply.code === 421 ? '4.3.2' : '4.5.0', `said unasked: ${reply.code} ${reply.text}`));
      return;
    }
    this.#expected.shift();
    if (next !== undefined) this.#watch(next.msMax);
    head.resolve(reply);
    // RFC 5321 §3.8: the server closes the connection, whatever it was asked.
    if (reply.code === 421) this.end(noReply('4.3.2', `the server closes the connection: ${reply.text}`));
  }

  /** One alarm for all: moving it with each reply would cost more than the reply. */
  #watch(msMax: number): void {
    this.#heardMs = this.#clock.monotonicMs();
    this.#lateAtMs = this.#heardMs + msMax;
    if (this.#cancelAlarm === null) this.#alarmIn(msMax);
  }

  #alarmIn(delayMs: number): void {
    this.#cancelAlarm = this.#clock.after(delayMs, () => {
      this.#cancelAlarm = null;
      if (this.#expected.length === 0) return;
      const leftMs = this.#lateAtMs - this.#clock.monotonicMs();
      if (leftMs > 0) this.#alarmIn(leftMs);
      else this.end(noReply('4.4.2', 'the server did not answer in time'));
    });
  }
}
