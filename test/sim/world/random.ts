/**
 * All chance of a seed. One generator a purpose, split by name: one more draw for one purpose changes nothing for the others,
 * so that a seed whose faults are dropped one by one stays the same seed.
 */
import type { Random } from '../../../runtime/base/random.ts';

/** Four words out of a text, by four FNV-1a hashes with a last stir each. */
function wordsOf(text: string): [number, number, number, number] {
  const words: [number, number, number, number] = [0x811c9dc5, 0x9e3779b9, 0x7f4a7c15, 0x2545f491];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    for (let word = 0; word < 4; word++) words[word] = Math.imul(words[word]! ^ (code + word * 131), 0x01000193) >>> 0;
  }
  for (let word = 0; word < 4; word++) {
    let mixed = words[word]!;
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    words[word] = (mixed ^ (mixed >>> 16)) >>> 0;
  }
  return words;
}

/** A small fast counting generator (sfc32): 96 bits of state and a counter that makes every cycle long. */
export class Dice implements Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(name: string) {
    this.#name = name;
    [this.#a, this.#b, this.#c, this.#counter] = wordsOf(name);
    for (let i = 0; i < 12; i++) this.word();
  }

  /** Depends on the names alone, not on what was drawn before. */
  split(name: string): Dice {
    return new Dice(`${this.#name}/${name}`);
  }

  /** 0 … 2^32 - 1 */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  /** 0 … 1, without 1 */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  chance(part: number): boolean {
    return this.fraction() < part;
  }

  /** A whole number, both ends included. */
  whole(min: number, max: number): number {
    return min + Math.floor(this.fraction() * (max - min + 1));
  }

  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  /** As often 0.1 to 1 as 1 to 10: for durations of which all sizes matter. */
  spread(min: number, max: number): number {
    return min * (max / min) ** this.fraction();
  }

  pick<T>(of: readonly T[]): T {
    return of[this.whole(0, of.length - 1)] as T;
  }

  /** Some of them, each once, in an order of its own. */
  some<T>(of: readonly T[], count: number): T[] {
    const left = [...of];
    const taken: T[] = [];
    while (taken.length < count && left.length > 0) taken.push(...left.splice(this.whole(0, left.length - 1), 1));
    return taken;
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let i = 0; i < count; i++) bytes[i] = this.word() >>> 24;
    return bytes;
  }
}
