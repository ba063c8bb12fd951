/**
 * Virtual time: what happens next, and to whom. One queue for the whole world, ordered by time and then by the order in
 * which events were asked for.
 *
 * Promises: between two events all promise jobs are run, so that code with promises in it is as deterministic as code
 * without; a paused or busy owner's events wait and keep their order; a dead owner's events never happen.
 */

/** Whose event it is: a life of a node, a client, or the world itself. */
export interface Owner {
  readonly name: string;
  /** The time at which it can take an event that is due now; null: never. */
  readyMs(nowMs: number): number | null;
  /** It has run one. */
  ran(nowMs: number): void;
}

export interface Occurrence {
  atMs: number;
  readonly order: number;
  readonly owner: Owner;
  run: (() => void) | undefined;
  /** Its owner was not ready when it was due. */
  isPutOff?: boolean;
}

/** The world: always there, never busy. */
export const nature: Owner = { name: 'world', readyMs: (nowMs) => nowMs, ran: () => undefined };

export class Timeline {
  nowMs = 0;
  events = 0;
  readonly #heap: Occurrence[] = [];
  readonly #ran: (atMs: number, owner: Owner) => void;
  readonly #threw: (owner: Owner, error: unknown) => void;
  #order = 0;

  /**
   * @param ran is told of every event that happens
   * @param threw what nobody caught: it would end the process whose event it was
   */
  constructor(ran: (atMs: number, owner: Owner) => void, threw: (owner: Owner, error: unknown) => void) {
    this.#ran = ran;
    this.#threw = threw;
  }

  /** @returns what calls it off */
  at(atMs: number, owner: Owner, run: () => void): () => void {
    const occurrence: Occurrence = { atMs: Math.max(atMs, this.nowMs), order: this.#order++, owner, run };
    this.#push(occurrence);
    return () => {
      occurrence.run = undefined;
    };
  }

  after(delayMs: number, owner: Owner, run: () => void): () => void {
    return this.at(this.nowMs + delayMs, owner, run);
  }

  /** The owner is ready sooner than it was to be: what it was put off for comes now. */
  hurry(owner: Owner): void {
    for (const occurrence of this.#heap.splice(0)) {
      if (occurrence.owner === owner && occurrence.isPutOff === true) occurrence.atMs = this.nowMs;
      this.#push(occurrence);
    }
  }

  /** For clients that are written as stories. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, nature, resolve));
  }

  /** Lets things happen until `isOver` or until that time; what is due exactly then happens too. */
  async run(untilMs: number, isOver: () => boolean): Promise<void> {
    await jobsDone();
    while (!isOver()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return;
      }
      this.#pop();
      if (!this.#happen(next)) continue;
      await jobsDone();
    }
  }

  #happen(occurrence: Occurrence): boolean {
    const { run, owner } = occurrence;
    if (run === undefined) return false;
    this.nowMs = occurrence.atMs;
    const readyMs = owner.readyMs(this.nowMs);
    if (readyMs === null) return false;
    if (readyMs > this.nowMs) {
      occurrence.atMs = readyMs;
      occurrence.isPutOff = true;
      this.#push(occurrence);
      return false;
    }
    occurrence.run = undefined;
    this.events++;
    this.#ran(this.nowMs, owner);
    try {
      run();
    } catch (error) {
      this.#threw(owner, error);
    }
    owner.ran(this.nowMs);
    return true;
  }

  #push(occurrence: Occurrence): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(occurrence);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(occurrence, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = occurrence;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Occurrence, b: Occurrence): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/**
 * Resolves when no promise job is left. A tick asked for by a promise job runs only when all jobs are done, and costs no
 * turn of the real loop, which nothing here waits for.
 */
function jobsDone(): Promise<void> {
  return new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
}
