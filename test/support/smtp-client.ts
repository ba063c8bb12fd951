/**
 * A small raw SMTP client that is exact about what it knows.
 *
 * Promises: an answer is either a whole reply or `lost`, never a guess; bytes go out as they are given; `onReply` is
 * called in the same turn in which the reply's last byte was read, so that a drill can kill right there.
 * Leaves to others: what to send (`smtp-delivery.ts` has the usual transaction).
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { systemClock } from '../../runtime/base/clock.ts';
import { type Answer, type Reply, ReplyParser } from './smtp-answers.ts';

const silenceMsMax = 30_000;

export interface SmtpTarget {
  readonly port: number;
  readonly host?: string;
  /** Source address: 127.0.0.0/8 gives many clients on one machine. */
  readonly localAddress?: string;
  readonly silenceMsMax?: number;
  readonly onReply?: (reply: Reply) => void;
}

interface Waiter {
  readonly take: (answer: Answer) => void;
  readonly cancel: () => void;
}

export class SmtpClient {
  readonly #target: SmtpTarget;
  readonly #parser = new ReplyParser();
  readonly #ready: Reply[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #closing: (() => void)[] = [];
  #socket: Socket;
  #lostBy: string | undefined;
  #isOpen = false;

  constructor(target: SmtpTarget) {
    this.#target = target;
    const { port, host = '127.0.0.1', localAddress } = target;
    this.#socket = connect({ port, host, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) });
    this.#socket.once('connect', () => {
      this.#isOpen = true;
    });
    this.#listen(this.#socket);
  }

  /** True once a TCP connection stood: only then can the server have read anything. */
  get wasConnected(): boolean {
    return this.#isOpen;
  }

  get isOver(): boolean {
    return this.#lostBy !== undefined;
  }

  /** The TLS socket after `startTls`. */
  get tls(): TLSSocket {
    return this.#socket as TLSSocket;
  }

  /** Settles when the connection is over, with the cause. */
  over(): Promise<string> {
    return new Promise((resolve) => {
      const tell = (): void => resolve(this.#lostBy ?? '');
      if (this.#lostBy === undefined) this.#closing.push(tell);
      else tell();
    });
  }

  /** The next reply; the greeting is the first. */
  read(): Promise<Answer> {
    const ready = this.#ready.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#lostBy !== undefined) return Promise.resolve({ kind: 'lost', cause: this.#lostBy });
    return new Promise((resolve) => {
      const msMax = this.#target.silenceMsMax ?? silenceMsMax;
      const cancel = systemClock.after(msMax, () => this.#lose(`no reply in ${msMax} ms`));
      this.#waiters.push({ take: resolve, cancel });
    });
  }

  write(bytes: string | Uint8Array): void {
    if (this.#lostBy !== undefined) return;
    this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Settles when the kernel has taken the bytes, or when the connection is over. */
  writeAndDrain(bytes: Uint8Array): Promise<void> {
    if (this.#lostBy !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#closing.push(resolve);
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** One line, one reply. */
  ask(line: string): Promise<Answer> {
    this.write(`${line}\r\n`);
    return this.read();
  }

  /** Greeting and EHLO. Returns the answer to EHLO, or the greeting when that is no 220. */
  async hello(name = 'client.example'): Promise<Answer> {
    const greeting = await this.read();
    if (greeting.kind === 'lost' || greeting.code !== 220) return greeting;
    return this.ask(`EHLO ${name}`);
  }

  /** RFC 3207; EHLO has to be said again. @throws {Error} when the handshake fails */
  async startTls(options: ConnectionOptions = {}): Promise<Answer> {
    const answer = await this.ask('STARTTLS');
    if (answer.kind === 'lost' || answer.code !== 220) return answer;
    const plain = this.#socket;
    for (const event of ['data', 'error', 'close']) plain.removeAllListeners(event);
    const secure = connectTls({ socket: plain, rejectUnauthorized: false, ...options });
    await new Promise<void>((resolve, reject) => {
      secure.once('secureConnect', resolve).once('error', reject);
    });
    this.#socket = secure;
    this.#listen(secure);
    return answer;
  }

  async quit(): Promise<void> {
    await this.ask('QUIT');
    this.hangUp();
  }

  /** Drops the connection without a word. */
  hangUp(): void {
    this.#lose('we hung up');
  }

  /** Stops reading, as a client does that hangs. */
  freeze(): void {
    this.#socket.pause();
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk) => {
      for (const reply of this.#parser.take(chunk)) this.#hand(reply);
    });
    socket.on('error', (error) => this.#lose(error.message));
    socket.once('close', () => this.#lose('connection closed'));
  }

  #hand(reply: Reply): void {
    this.#target.onReply?.(reply);
    const waiter = this.#waiters.shift();
    waiter?.cancel();
    if (waiter === undefined) this.#ready.push(reply);
    else waiter.take(reply);
  }

  #lose(cause: string): void {
    if (this.#lostBy !== undefined) return;
    const rest = this.#parser.rest.trim();
    this.#lostBy = rest === '' ? cause : `${cause} after '${rest}'`;
    this.#socket.destroy();
    for (const { take, cancel } of this.#waiters.splice(0)) {
      cancel();
      take({ kind: 'lost', cause: this.#lostBy });
    }
    for (const tell of this.#closing.splice(0)) tell();
  }
}
