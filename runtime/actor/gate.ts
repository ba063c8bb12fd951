/**
 * The output gate of one shard: what must not be seen before an entry is committed waits here.
 *
 * Promises: `effect` runs only when every entry up to `index` is committed, in the order of `after` calls.
 */
import type { LogIndex } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';

interface Waiting {
  readonly index: LogIndex;
  readonly effect: () => void;
}

export class OutputGate {
  #waiting: Waiting[] = [];
  #committed: LogIndex;

  constructor(committed: LogIndex) {
    this.#committed = committed;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Runs `effect` once `index` is committed: at once when it is and nothing waits in front. */
  after(index: LogIndex, effect: () => void): void {
    if (index <= this.#committed && this.#waiting.length === 0) {
      effect();
      return;
    }
    const last = this.#waiting.at(-1);
    invariant(last === undefined || index >= last.index, 'outputs wait in the order of their entries');
    this.#waiting.push({ index, effect });
  }

  committed(index: LogIndex): void {
    invariant(index >= this.#committed, 'the commit index never goes back');
    this.#committed = index;
    let ready = 0;
    while (ready < this.#waiting.length && this.#waiting[ready]!.index <= index) ready++;
    // Taken out first: an effect may lead to a new turn that waits at this gate.
    for (const { effect } of this.#waiting.splice(0, ready)) effect();
  }
}
