/**
 * The state machine of DATA: takes dots out, finds the end, and notices line ends that are not CRLF.
 *
 * RFC 5321 §4.5.2: a line that begins with a dot loses it, and CRLF.CRLF ends the mail. Only CRLF ends a line, so none of
 * LF.LF, CR.CR, LF.CRLF, CRLF.LF … can end a mail here while it does elsewhere, or the other way round (§2.3.8).
 *
 * Chunks may break anywhere. Text is searched with `indexOf` on a Latin-1 string of the chunk, which is memchr and about
 * three times as fast as a loop over the bytes.
 */

const cr = 13;
const lf = 10;
const dot = 46;

type State = 'lineStart' | 'text' | 'afterCr' | 'afterDot' | 'afterDotCr';

/** Where the bytes of the mail go: `bytes` from `from` to `to`. The sink may keep the chunk; it is not used again. */
export interface DataSink {
  take(bytes: Buffer, from: number, to: number): void;
}

const crlf = Buffer.from('\r\n');

export class DataScan {
  /** A CR or LF that stood alone was seen. */
  hasBareLineEnd = false;
  lineTooLong = false;
  readonly #sink: DataSink;
  readonly #lineBytesMax: number;
  readonly #normalises: boolean;
  #state: State = 'lineStart';
  /** Bytes of the line that is being read which lie in earlier chunks. */
  #lineBytes = 0;
  // Of the chunk in hand: where we are, where the bytes begin that the sink has not got, where the line began.
  #at = 0;
  #start = 0;
  #lineStart = 0;

  constructor(sink: DataSink, lineBytesMax: number, normalises: boolean) {
    this.#sink = sink;
    this.#lineBytesMax = lineBytesMax;
    this.#normalises = normalises;
  }

  /**
   * Reads `chunk` from `from` on; `text` is the whole chunk in Latin-1.
   * @returns the position behind the final CRLF.CRLF, or -1 when the mail goes on in the next chunk
   */
  push(chunk: Buffer, text: string, from: number): number {
    const length = chunk.length;
    this.#at = from;
    this.#start = from;
    this.#lineStart = from - this.#lineBytes;
    while (this.#at < length) {
      if (this.#state === 'text') this.#readText(chunk, text);
      else if (this.#readBorder(chunk, text)) return this.#at;
    }
    this.#lineBytes = length - this.#lineStart;
    if (this.#lineBytes > this.#lineBytesMax) this.lineTooLong = true;
    // When normalising, the CR at the end waits until it is known what follows.
    this.#take(chunk, this.#state === 'afterCr' && this.#normalises ? length - 1 : length);
    return -1;
  }

  /** Whole lines, until one begins with a dot or the chunk ends. */
  #readText(chunk: Buffer, text: string): void {
    const length = chunk.length;
    let at = this.#at;
    let nextCr = -1;
    let nextLf = -1;
    while (at < length) {
      if (nextCr < at) nextCr = find(text, '\r', at);
      if (nextLf < at) nextLf = find(text, '\n', at);
      if (nextCr + 1 === nextLf && nextLf < length) {
        at = nextLf + 1;
        if (at - this.#lineStart > this.#lineBytesMax) this.lineTooLong = true;
        this.#lineStart = at;
        if (at < length && text.charCodeAt(at) !== dot) continue;
        this.#state = 'lineStart';
        break;
      }
      if (nextCr >= length - 1 && nextLf >= length) {
        // A CR that ends the chunk: what comes next decides.
        if (nextCr === length - 1) this.#state = 'afterCr';
        at = length;
        break;
      }
      const bare = Math.min(nextCr, nextLf);
      at = bare + 1;
      this.#takeBare(chunk, bare);
    }
    this.#at = at;
  }

  /** One byte in a place where it matters: at the start of a line, or where a chunk broke. True at the mail's end. */
  #readBorder(chunk: Buffer, text: string): boolean {
    const code = text.charCodeAt(this.#at);
    switch (this.#state) {
      case 'lineStart':
        if (code !== dot) {
          this.#state = 'text';
          return false;
        }
        this.#take(chunk, this.#at);
        this.#start = ++this.#at;
        this.#state = 'afterDot';
        return false;
      case 'afterDot':
        // The dot is gone whatever follows, a second dot being the stuffed one.
        this.#state = code === cr ? 'afterDotCr' : 'text';
        if (code === cr) this.#start = ++this.#at;
        return false;
      case 'afterDotCr':
        if (code === lf) {
          this.#at++;
          return true;
        }
        // The CR belongs to the mail, and stands alone.
        this.hasBareLineEnd = true;
        this.#sink.take(crlf, 0, this.#normalises ? 2 : 1);
        this.#state = 'text';
        return false;
      default:
        this.#readAfterCr(code);
        return false;
    }
  }

  /** The chunk before ended with a CR, which the sink has unless it is to be normalised. */
  #readAfterCr(code: number): void {
    if (this.#normalises) this.#sink.take(crlf, 0, 2);
    if (code !== lf) {
      this.hasBareLineEnd = true;
      this.#state = 'text';
      return;
    }
    this.#at++;
    if (this.#normalises) this.#start = this.#at;
    this.#lineStart = this.#at;
    this.#state = 'lineStart';
  }

  #take(chunk: Buffer, end: number): void {
    if (end > this.#start) this.#sink.take(chunk, this.#start, end);
    this.#start = end;
  }

  /** A bare CR or LF lies at `at`. */
  #takeBare(chunk: Buffer, at: number): void {
    this.hasBareLineEnd = true;
    if (!this.#normalises) return;
    this.#take(chunk, at);
    this.#sink.take(crlf, 0, 2);
    this.#start = at + 1;
  }
}

function find(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at === -1 ? text.length : at;
}
