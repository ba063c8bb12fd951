/**
 * What happened, as a hash: two runs of a seed that differ anywhere have different ones. With `verbose` the notes are
 * printed too.
 */
export class Trace {
  readonly #print: ((line: string) => void) | null;
  #low = 0x12345678;
  #high = 0x9abcdef0;

  constructor(print: ((line: string) => void) | null) {
    this.#print = print;
  }

  number(value: number): void {
    // The fraction counts too: times are sums of drawn delays.
    const whole = Math.floor(value);
    this.#mix(whole | 0);
    this.#mix(((value - whole) * 0x1_0000_0000) | 0);
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }

  note(nowMs: number, text: string): void {
    this.number(nowMs);
    this.text(text);
    this.#print?.(`${nowMs.toFixed(3).padStart(12)} ${text}`);
  }

  get hash(): string {
    return hex(this.#high) + hex(this.#low);
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x85ebca6b);
    this.#low ^= this.#low >>> 13;
    this.#high = Math.imul(this.#high + this.#low, 0xc2b2ae35) ^ word;
    this.#high ^= this.#high >>> 16;
  }
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
