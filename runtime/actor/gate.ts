/**
 * The output gate of one shard: what must not be seen before an entry is committed waits here.
 *
 * Promises: an effect runs only when every entry up to its index is committed, in the order of the calls. Once the shard
 * is lost none runs any more; who asked to be told hears that instead.
 */
import type { LogIndex } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';

interface Waiting {
  readonly index: LogIndex;
  readonly effect: (isCommitted: boolean) => void;
  /** Whether it hears of the loss of the shard. */
  readonly isTold: boolean;
}

export class OutputGate {
  #waiting: Waiting[] = [];
  #committed: LogIndex;
  #isLost = false;

  constructor(committed: LogIndex) {
    this.#committed = committed;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Runs `effect` once `index` is committed: at once when it is and nothing waits in front. Forgotten with the shard. */
  after(index: LogIndex, effect: () => void): void {
    this.#wait(index, effect, false);
  }

  /** As `after`, and called with false when the shard is lost before: what became of the entry is not known here. */
  afterOrLost(index: LogIndex, effect: (isCommitted: boolean) => void): void {
    this.#wait(index, effect, true);
  }

  committed(index: LogIndex): void {
    invariant(index >= this.#committed, 'the commit index never goes back');
    this.#committed = index;
    let ready = 0;
    while (ready < this.#waiting.length && this.#waiting[ready]!.index <= index) ready++;
    // Taken out first: an effect may lead to a new turn that waits at this gate.
    for (const { effect } of this.#waiting.splice(0, ready)) effect(true);
  }

  /** The shard is lost: a commit that may still come is not this gate's any more. */
  lost(): void {
    this.#isLost = true;
    for (const { effect, isTold } of this.#waiting.splice(0)) if (isTold) effect(false);
  }

  #wait(index: LogIndex, effect: (isCommitted: boolean) => void, isTold: boolean): void {
    if (this.#isLost) {
      if (isTold) effect(false);
      return;
    }
    if (index <= this.#committed && this.#waiting.length === 0) {
      effect(true);
      return;
    }
    const last = this.#waiting.at(-1);
    invariant(last === undefined || index >= last.index, 'outputs wait in the order of their entries');
    this.#waiting.push({ index, effect, isTold });
  }
}
