/**
 * The names of one caller's commands (plan §9): a number drawn at start, a running sequence, and the lowest sequence
 * that is not settled, by which the core forgets the records of a caller's old commands.
 */
import { randomText } from '../base/ids.ts';
import type { Random } from '../base/random.ts';

export class CommandIds {
  /** 130 bits of chance: no two starts of any worker ever share it. */
  readonly caller: string;
  /** Settled while an earlier one was not. Bounded by the calls in flight. */
  readonly #settledEarly = new Set<number>();
  #lastSeq = 0;
  #settledBelow = 1;

  constructor(random: Random) {
    this.caller = randomText(random, 26);
  }

  /** The lowest sequence that may still be retried. */
  get settledBelow(): number {
    return this.#settledBelow;
  }

  nextSeq(): number {
    return ++this.#lastSeq;
  }

  /** The caller has its answer, or gave up: this command is never sent again. */
  settle(seq: number): void {
    if (seq !== this.#settledBelow) {
      this.#settledEarly.add(seq);
      return;
    }
    this.#settledBelow++;
    while (this.#settledEarly.delete(this.#settledBelow)) this.#settledBelow++;
  }
}
