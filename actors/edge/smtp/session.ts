/**
 * One client connection: reads lines, runs verbs one after another, sends replies in order and as few writes as possible.
 *
 * Promises: a reply leaves in the order of its command; nothing runs while an earlier command is not settled (RCPT
 * after RCPT apart); replies to pipelined commands leave together (RFC 2920 §3.2); a client that does not read its
 * replies is not read from.
 * Leaves to others: what a verb does (`verbs.ts`), when a slow client is cut off (`patience.ts`).
 */
import type { BodyCollector } from './body-collector.ts';
import { isHttpRequest, parseCommandLine, verbOf } from './command-line.ts';
import { DataScan } from './data-scan.ts';
import type { Account, DataProblem, Dialogue, Edge, ListenerRole, TlsFacts, Transaction } from './dialogue.ts';
import { greeting } from './greeting.ts';
import { SMTPConnection, type SMTPConnectionOptions } from './library.ts';
import { type LineHost, LineReader } from './line-reader.ts';
import type { SmtpListenerServer } from './listener.ts';
import { type Reply, replies, replyText } from './replies.ts';
import { type ReplyListener, ReplyQueue } from './reply-queue.ts';
import { countIn } from './stats.ts';
import { verbs } from './verbs.ts';

interface Receiving {
  readonly collector: BodyCollector;
  readonly scan: DataScan;
  readonly whenReceived: (problem: DataProblem | null) => void;
}

/** Bytes behind the size limit that are read and thrown away, so that a client hears 552 in place of a reset. */
const oversizeFactorMax = 2;

export class SmtpSession extends SMTPConnection implements Dialogue, LineHost, ReplyListener {
  readonly edge: Edge;
  transaction: Transaction | null = null;
  heloName: string | null = null;
  tls: TlsFacts | null = null;
  account: Account | null = null;
  readonly role: ListenerRole;
  /** When the client last did something useful; and since when its rate in DATA is measured. */
  progressMs: number;
  dataMeasuredMs = 0;
  dataMeasuredBytes = 0;
  readonly #offersTls: boolean;
  readonly #allowsClearAuth: boolean;
  #isExtended = false;
  #out = '';
  readonly #replies = new ReplyQueue(this);
  /** A command that waits until all replies are known. */
  #heldLine: string | null = null;
  /** Takes the next line in place of a verb. */
  #awaitsLine: ((line: string) => void) | null = null;
  #receiving: Receiving | null = null;
  #isEnding = false;
  #refusals = 0;

  constructor(
    server: SmtpListenerServer,
    socket: ConstructorParameters<typeof SMTPConnection>[1],
    options: SMTPConnectionOptions,
  ) {
    super(server, socket, options);
    this.edge = server.edge;
    this.#offersTls = server.offersTls;
    this.#allowsClearAuth = server.allowsClearAuth;
    this.role = server.role;
    this.progressMs = server.edge.clock.monotonicMs();
  }

  // ---- what verbs see --------------------------------------------------------------------------------------------

  get trace(): string {
    return this.id;
  }

  get clientAddress(): string {
    return this.remoteAddress;
  }

  get protocol(): string {
    const base = this.#isExtended ? 'ESMTP' : 'SMTP';
    return base + (this.tls === null ? '' : 'S') + (this.account === null ? '' : 'A');
  }

  get canStartTls(): boolean {
    return this.#offersTls && this.tls === null;
  }

  get takesPasswords(): boolean {
    return this.tls !== null || this.#allowsClearAuth;
  }

  reply(reply: Reply): void {
    this.#replies.reply(reply);
  }

  replyLater(): (reply: Reply) => void {
    return this.#replies.later();
  }

  askLine(challenge: string, take: (line: string) => void): void {
    this.#awaitsLine = take;
    this.reply({ code: 334, enhanced: '', lines: [challenge] });
  }

  greet(heloName: string, isExtended: boolean): void {
    this.heloName = heloName;
    this.#isExtended = isExtended;
    // RFC 5321 §4.1.4: EHLO clears the buffers just as RSET does.
    this.transaction = null;
  }

  receiveData(collector: BodyCollector, whenReceived: (problem: DataProblem | null) => void): void {
    const { limits, settings } = this.edge;
    const scan = new DataScan(collector, limits.bodyLineBytesMax, settings.bareLineEnds === 'normalise');
    this.#receiving = { collector, scan, whenReceived };
    this.dataMeasuredMs = this.progressMs;
    this.dataMeasuredBytes = 0;
    this.#reader?.startData(scan);
    this.say(replies.sendData);
  }

  clearRefusals(): void {
    this.#refusals = 0;
  }

  startTls(): void {
    this.say(replies.startTls);
    this.#flush();
    const retired = this.#reader;
    // RFC 3207 §4.2: what was said in clear is forgotten; `_resetSession` is called once the handshake is done.
    this.upgrade(() => retired?.resume());
  }

  override close(): void {
    this.#flush();
    super.close();
  }

  // ---- what the lines bring (LineHost) ---------------------------------------------------------------------------

  takeLine(line: string): boolean {
    this.progressMs = this.edge.clock.monotonicMs();
    if (!this._ready) return this.#end(replies.talksTooSoon);
    if (this.#replies.isWaiting && !this.#mayRunAhead(line)) {
      this.#heldLine = line;
      return false;
    }
    const take = this.#awaitsLine;
    this.#awaitsLine = null;
    if (take !== null && !this.edge.isStopping) take(line);
    else this.#run(line);
    return this.#mayReadOn();
  }

  takeLongLine(): boolean {
    this.reply(this.#awaitsLine === null ? replies.commandTooLong : replies.authLineTooLong);
    this.#awaitsLine = null;
    return this.#mayReadOn();
  }

  takeEndlessLine(): void {
    this.#end(replies.endlessCommand);
  }

  takeDataProgress(): void {
    const receiving = this.#receiving;
    if (receiving === null) return;
    const { collector, scan } = receiving;
    if ((scan.hasBareLineEnd && this.edge.settings.bareLineEnds === 'refuse') || scan.lineTooLong)
      collector.drop('unwanted');
    if (collector.sizeBytes > this.edge.limits.messageBytesMax * oversizeFactorMax) this.#end(replies.tooBig);
  }

  takeDataEnd(): boolean {
    const receiving = this.#receiving;
    if (receiving === null || this._closing) return false;
    this.#receiving = null;
    this.progressMs = this.edge.clock.monotonicMs();
    const { scan, whenReceived } = receiving;
    const isRefused = scan.hasBareLineEnd && this.edge.settings.bareLineEnds === 'refuse';
    whenReceived(isRefused ? 'bareLineEnds' : scan.lineTooLong ? 'lineTooLong' : null);
    if (this.edge.isStopping && !this.#replies.isWaiting) return this.#end(replies.shuttingDown);
    return this.#mayReadOn();
  }

  inputTaken(): void {
    this.#flush();
  }

  inputEnded(): void {
    // A client that closes its side after QUIT, or after a pipelined mail, still gets its replies.
    this.#isEnding = true;
    if (!this.#replies.isWaiting) this.close();
  }

  soon(wake: () => void): void {
    this.#flush();
    this.edge.clock.soon(wake);
  }

  // ---- what the queue of replies brings (ReplyListener) ----------------------------------------------------------

  /** All replies are known: goes on with what was held back. */
  repliesSettled(): void {
    this.progressMs = this.edge.clock.monotonicMs();
    if (this._closing || this._closed) return;
    if (this.edge.isStopping) {
      this.#end(replies.shuttingDown);
      return;
    }
    const line = this.#heldLine;
    this.#heldLine = null;
    if (line !== null) this.#run(line);
    if (this.#replies.isWaiting) return;
    if (this.#mayReadOn()) this.#reader?.resume();
    this.#flush();
    if (this.#isEnding) this.close();
  }

  say(reply: Reply): void {
    this.#out += replyText(reply);
    if (reply.code < 400) return;
    countIn(this.edge.stats.refused, `${reply.code} ${reply.enhanced}`);
    if (reply.code >= 500 && ++this.#refusals > this.edge.limits.refusalsMax) this.#end(replies.tooManyRefusals);
  }

  // ---- for the edge ----------------------------------------------------------------------------------------------

  /** The core is asked, or has the mail. */
  get isWaiting(): boolean {
    return this.#replies.isWaiting;
  }

  get isReceiving(): boolean {
    return this.#receiving !== null;
  }

  /** Bytes of the mail that is being received. */
  get receivedBytes(): number {
    return this.#receiving?.collector.sizeBytes ?? 0;
  }

  /** Leaves now when idle, and otherwise once the reply that is awaited was sent. */
  leave(): void {
    if (this.#receiving === null && !this.#replies.isWaiting) this.end(replies.shuttingDown);
  }

  end(reply: Reply): void {
    this.#end(reply);
  }

  /** Says why, and waits for nothing. */
  cutOff(): void {
    this.#end(replies.shuttingDown);
    this._socket.destroySoon();
  }

  // ---- what the library calls ------------------------------------------------------------------------------------

  override init(): void {
    this._setListeners(() => {
      this.#noteTls();
      const { greetingDelayMs } = this.edge.settings;
      if (greetingDelayMs > 0) this.edge.clock.after(greetingDelayMs, () => this.connectionReady());
      else this.connectionReady();
    });
  }

  override connectionReady(): void {
    if (this._closing || this._closed) return;
    this._ready = true;
    this.#out += replyText(greeting(this.edge.hostname));
    this.#flush();
  }

  override _createParser(): LineReader {
    // Runs inside the library's constructor, before any field of this class exists.
    const { limits } = (this._server as SmtpListenerServer).edge;
    const reader = new LineReader(this, limits.commandBytesMax, limits.commandSkipBytesMax);
    reader.on('error', () => this._socket.destroy());
    return reader;
  }

  /** Called after the TLS handshake. */
  override _resetSession(): void {
    this.transaction = null;
    this.heloName = null;
    this.account = null;
    this.#noteTls();
  }

  /** `patience.ts` keeps time for all sessions with one timer. */
  override _armTimeout(): void {}

  override _onClose(): void {
    this.#receiving?.collector.drop('unwanted');
    this.#receiving = null;
    this.transaction = null;
    super._onClose();
    (this._server as SmtpListenerServer).forget(this);
  }

  /** What the library itself has to say goes the same way as ours. */
  override send(code: number, data?: string | string[] | null): void {
    const text = typeof data === 'string' ? data : (data?.join(' ') ?? '');
    this.say({ code, enhanced: `${Math.floor(code / 100)}.0.0`, lines: [text] });
    this.#flush();
    if (code === 421) this.close();
  }

  // ---- within ----------------------------------------------------------------------------------------------------

  get #reader(): LineReader | null {
    return this._parser === false ? null : (this._parser as LineReader);
  }

  #mayRunAhead(line: string): boolean {
    return this.#heldLine === null && verbs.get(verbOf(line))?.runsAhead === true;
  }

  #run(raw: string): void {
    const line = parseCommandLine(raw);
    if ('code' in line) return this.reply(line);
    const { name, argument } = line;
    const verb = verbs.get(name);
    if (verb === undefined) {
      if (isHttpRequest(line)) this.#end(replies.httpRequest);
      else this.reply(replies.unknownCommand);
      return;
    }
    if (this.edge.isStopping && name !== 'QUIT') {
      this.#end(replies.shuttingDown);
      return;
    }
    if (verb.needs !== 'nothing' && this.heloName === null) return this.reply(replies.greetFirst);
    if (verb.needs === 'transaction' && this.transaction === null) return this.reply(replies.needMail);
    verb.run(this, argument);
  }

  #mayReadOn(): boolean {
    if (this._closing || this._upgrading || this._closed) return false;
    if (this.#replies.isWaiting)
      return this.transaction !== null && this.#replies.length < this.edge.settings.recipientsMax;
    if (!this._socket.writableNeedDrain) return true;
    this._socket.once('drain', () => this.#reader?.resume());
    return false;
  }

  #end(reply: Reply): false {
    if (this._closing || this._closed) return false;
    this.#replies.drop();
    this.#heldLine = null;
    this.#receiving?.collector.drop('unwanted');
    this.#receiving = null;
    countIn(this.edge.stats.refused, `${reply.code} ${reply.enhanced}`);
    this.#out += replyText(reply);
    // Who does not read will not read this either, and would hold what waits for it.
    const isDeaf = this._socket.writableNeedDrain;
    this.close();
    if (isDeaf) this._socket.destroy();
    return false;
  }

  /** Never while a TLS handshake runs: the bytes would go in clear into the middle of it. */
  #flush(): void {
    if (this.#out === '') return;
    const out = this.#out;
    this.#out = '';
    if (!this._upgrading && this._socket.writable) this._socket.write(out, 'latin1');
  }

  #noteTls(): void {
    if (!this.secure || !('getCipher' in this._socket)) return;
    const cipher = this._socket.getCipher();
    this.tls = { protocol: cipher.version, cipher: cipher.standardName };
  }
}
