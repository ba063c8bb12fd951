/**
 * Cuts what a client sends into command lines and mails. Takes the place of smtp-server's parser.
 *
 * Promises: bounded memory (a line that is too long is skipped, not kept); at most one chunk in hand, the socket being
 * held back while a command is not settled; a loop turn is given up after `linesPerTurnMax` commands.
 * Leaves to others: what a line means (`session.ts`), the inside of DATA (`data-scan.ts`).
 */
import type { DataScan } from './data-scan.ts';
import { SMTPStream } from './library.ts';

export interface LineHost {
  /** A command line without its line end, in Latin-1. Returns false to have no more until `resume()`. */
  takeLine(line: string): boolean;
  /** A line was longer than allowed; it is skipped. False as above. */
  takeLongLine(): boolean;
  /** An over-long line does not end. */
  takeEndlessLine(): void;
  /** Bytes of DATA went to the scan. */
  takeDataProgress(): void;
  /** CRLF.CRLF was read. False as above. */
  takeDataEnd(): boolean;
  /** All input that has arrived was taken: replies that wait should leave. */
  inputTaken(): void;
  /** The client sends no more. */
  inputEnded(): void;
  /** Runs `wake` after other sessions had a turn. */
  soon(wake: () => void): void;
}

const linesPerTurnMax = 100;

export class LineReader extends SMTPStream {
  readonly #host: LineHost;
  readonly #lineBytesMax: number;
  readonly #skipBytesMax: number;
  #chunk: Buffer | null = null;
  #text = '';
  #at = 0;
  /** Tells the stream that the chunk is used up. */
  #next: (() => void) | null = null;
  /** The beginning of a line whose end has not come. */
  #carry: Buffer | null = null;
  #skippedBytes = 0;
  #isSkipping = false;
  #isRunning = false;
  #isHeld = false;
  #scan: DataScan | null = null;

  constructor(host: LineHost, lineBytesMax: number, skipBytesMax: number) {
    super();
    this.#host = host;
    this.#lineBytesMax = lineBytesMax;
    this.#skipBytesMax = skipBytesMax;
  }

  get isReadingData(): boolean {
    return this.#scan !== null;
  }

  /** What follows is a mail. */
  startData(scan: DataScan): void {
    this.#scan = scan;
  }

  /** Goes on after a `take…` said false. */
  resume(): void {
    this.#isHeld = false;
    this.#run();
  }

  override _write(chunk: Buffer, _encoding: string, next: () => void): void {
    if (this.isClosed) return next();
    this.#chunk = this.#carry === null ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = null;
    this.#text = this.#chunk.toString('latin1');
    this.#at = 0;
    this.#next = next;
    this.#run();
  }

  /** The library would run an unended last line as a command; RFC 5321 §2.3.8 knows no such line. */
  override _flushData(): void {
    if (!this.isClosed) this.#host.inputEnded();
  }

  #run(): void {
    // A handler that settles at once calls `resume` from inside the loop, which then simply goes on.
    if (this.#isRunning || this.#isHeld || this.#chunk === null) return;
    this.#isRunning = true;
    let lines = 0;
    while (!this.isClosed && !this.#isHeld && this.#at < this.#chunk.length) {
      if (this.#scan !== null) this.#readData(this.#chunk, this.#scan);
      else if (++lines > linesPerTurnMax) {
        this.#isHeld = true;
        this.#host.soon(() => this.resume());
      } else this.#readLine(this.#chunk);
    }
    this.#isRunning = false;
    if (this.isClosed || !this.#isHeld) this.#endChunk();
  }

  #endChunk(): void {
    const next = this.#next;
    this.#chunk = null;
    this.#text = '';
    this.#next = null;
    if (!this.isClosed) this.#host.inputTaken();
    next?.();
  }

  #readData(chunk: Buffer, scan: DataScan): void {
    const end = scan.push(chunk, this.#text, this.#at);
    this.#host.takeDataProgress();
    if (end === -1) {
      this.#at = chunk.length;
      return;
    }
    this.#at = end;
    this.#scan = null;
    this.#isHeld = true;
    if (this.#host.takeDataEnd()) this.#isHeld = false;
  }

  #readLine(chunk: Buffer): void {
    const at = this.#at;
    const end = this.#text.indexOf('\n', at);
    if (end === -1) return this.#keepRest(chunk, at);
    this.#at = end + 1;
    // Held before the handler runs, since it may call `resume` before it returns.
    this.#isHeld = true;
    if (this.#isSkipping || end - at > this.#lineBytesMax) {
      this.#isSkipping = false;
      this.#skippedBytes = 0;
      if (this.#host.takeLongLine()) this.#isHeld = false;
      return;
    }
    // People type at this port with tools that send a bare LF, so a command (never a line of DATA) may end with one.
    const hasCr = end > at && this.#text.charCodeAt(end - 1) === 13;
    if (this.#host.takeLine(this.#text.slice(at, hasCr ? end - 1 : end))) this.#isHeld = false;
  }

  #keepRest(chunk: Buffer, at: number): void {
    this.#at = chunk.length;
    const rest = chunk.length - at;
    if (!this.#isSkipping && rest <= this.#lineBytesMax) {
      // A copy, so that a few bytes do not keep a chunk of 64 KiB alive.
      this.#carry = Buffer.from(chunk.subarray(at));
      return;
    }
    this.#isSkipping = true;
    this.#skippedBytes += rest;
    if (this.#skippedBytes > this.#skipBytesMax) this.#host.takeEndlessLine();
  }
}
