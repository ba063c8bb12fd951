/**
 * One connection to our sink: reads the dialogue, pipelined or not, and takes mails.
 *
 * Promises: a mail is handed to `onMail` once, when its final dot has come and before any reply to it leaves; a mail
 * that is answered with other than 2xx was not handed over. Of the mail only the header is kept.
 * Leaves to others: counting and keeping (`main.ts`); it is a load's far end, not a mail server, and trusts its client.
 */
import type { Socket } from 'node:net';
import { systemClock } from '../../runtime/base/clock.ts';
import type { SinkRule, SinkRules, SinkStep } from './rules.ts';

export interface SinkMail {
  readonly from: string;
  readonly to: readonly string[];
  /** The header, or the first 16 KiB of it, as text of bytes. */
  readonly header: string;
}

const headerBytesMax = 16 * 1024;
const finalDot = Buffer.from('\r\n.\r\n');
const lineEnd = Buffer.from('\r\n');
const nothing = Buffer.alloc(0);
const extensions = ['PIPELINING', 'SIZE 104857600', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'];
const ehloReply = ['250-sink.example', ...extensions.map((name, i) => `250${i < 5 ? '-' : ' '}${name}`)].join('\r\n');

/** Talks to whoever has connected, until he goes. */
export function converse(socket: Socket, rules: SinkRules, onMail: (mail: SinkMail) => void): void {
  new SinkSession(socket, rules, onMail).start();
}

class SinkSession {
  readonly #socket: Socket;
  readonly #rules: SinkRules;
  readonly #onMail: (mail: SinkMail) => void;
  #input: Buffer = nothing;
  #isInData = false;
  /** A reply is being delayed: what comes meanwhile waits. */
  #isWaiting = false;
  #cancelDelay: () => void = () => undefined;
  #isOver = false;
  #out = '';
  #from = '';
  #to: string[] = [];
  #header = '';
  #hasHeader = false;

  constructor(socket: Socket, rules: SinkRules, onMail: (mail: SinkMail) => void) {
    this.#socket = socket;
    this.#rules = rules;
    this.#onMail = onMail;
  }

  start(): void {
    const socket = this.#socket;
    socket.on('data', (chunk) => {
      this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
      this.#work();
    });
    // A client that goes away is a client's business; what it sent before is taken.
    socket.on('error', () => this.#end());
    socket.once('close', () => this.#end());
    this.#answer('greeting', [], '220 sink.example ESMTP');
    this.#flush();
  }

  #work(): void {
    let hasMore = true;
    while (hasMore && !this.#isWaiting) hasMore = this.#isInData ? this.#readData() : this.#readLine();
    this.#flush();
  }

  #readLine(): boolean {
    const end = this.#input.indexOf(lineEnd);
    if (end < 0) return false;
    const line = this.#input.toString('latin1', 0, end);
    this.#input = this.#input.subarray(end + 2);
    this.#obey(line);
    return true;
  }

  #obey(line: string): void {
    switch (line.slice(0, 4).toUpperCase()) {
      case 'EHLO':
        return this.#say(ehloReply);
      case 'MAIL':
        this.#from = pathOf(line);
        this.#to = [];
        return void this.#answer('mail', [this.#from], '250 2.1.0 Ok');
      case 'RCPT': {
        const address = pathOf(line);
        const isTaken = this.#answer('rcpt', [address], '250 2.1.5 Ok');
        if (isTaken) this.#to.push(address);
        return;
      }
      case 'DATA':
        if (this.#to.length === 0) return this.#say('554 5.5.1 No valid recipients');
        this.#isInData = true;
        this.#header = '';
        this.#hasHeader = false;
        // RFC 5321 §4.1.1.4: the CRLF that ends the DATA line begins an empty mail's final dot.
        this.#input = Buffer.concat([lineEnd, this.#input]);
        return this.#say('354 Go ahead');
      case 'QUIT':
        this.#say('221 2.0.0 Bye');
        this.#flush();
        return this.#end();
      default:
        if (line.startsWith('RSET')) this.#to = [];
        return this.#say('250 2.0.0 Ok');
    }
  }

  #readData(): boolean {
    const end = this.#input.indexOf(finalDot);
    if (!this.#hasHeader) this.#keepHeader(end < 0 ? this.#input.length - 4 : end + 2);
    if (end < 0) {
      // The dot may lie across two chunks.
      if (this.#input.length > 4) this.#input = Buffer.from(this.#input.subarray(-4));
      return false;
    }
    this.#input = this.#input.subarray(end + finalDot.length);
    this.#isInData = false;
    const mail = { from: this.#from, to: this.#to, header: this.#header.slice(2) };
    this.#to = [];
    const rule = this.#rules.find('dot', mail.to);
    const isTaken = rule?.hangsUp === true ? rule.keeps === true : (rule?.reply ?? '250').startsWith('2');
    if (isTaken) this.#onMail(mail);
    this.#carryOut(rule, '250 2.0.0 Ok');
    return true;
  }

  /** @param length so many bytes of the input belong to the mail and will not be seen again */
  #keepHeader(length: number): void {
    if (length <= 0) return;
    this.#header += this.#input.toString('latin1', 0, length);
    const end = this.#header.indexOf('\r\n\r\n', 2);
    this.#hasHeader = end >= 0 || this.#header.length > headerBytesMax;
    if (end >= 0) this.#header = this.#header.slice(0, end + 2);
  }

  /** @returns whether it was answered with 2xx */
  #answer(step: SinkStep, addresses: readonly string[], usual: string): boolean {
    const rule = this.#rules.find(step, addresses);
    this.#carryOut(rule, usual);
    return rule?.hangsUp !== true && (rule?.reply ?? usual).startsWith('2');
  }

  #carryOut(rule: SinkRule | undefined, usual: string): void {
    const act = (): void => {
      if (rule?.hangsUp === true) return this.#end();
      this.#say(rule?.reply ?? usual);
    };
    if (rule?.delayMs === undefined) return act();
    this.#flush();
    this.#isWaiting = true;
    this.#cancelDelay = systemClock.after(rule.delayMs, () => {
      this.#isWaiting = false;
      act();
      this.#work();
    });
  }

  #say(line: string): void {
    this.#out += `${line}\r\n`;
  }

  /** All replies to what came in one chunk leave together (RFC 2920 §3.2). */
  #flush(): void {
    if (this.#out !== '' && !this.#isOver) this.#socket.write(this.#out, 'latin1');
    this.#out = '';
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelDelay();
    this.#socket.destroySoon();
  }
}

/** `MAIL FROM:<ann@example.org> SIZE=1` -> `ann@example.org` */
function pathOf(line: string): string {
  return line.slice(line.indexOf('<') + 1, line.indexOf('>'));
}
