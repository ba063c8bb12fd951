/** What is to happen in virtual time, in order; a heap, since sorted insertion would cost more than the code under test. */
export interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class Happenings {
  readonly #heap: Happening[] = [];
  #order = 0;

  add(atMs: number, run: () => void): void {
    const happening = { atMs, order: this.#order++, run };
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(happening, heap[above] as Happening)) break;
      heap[at] = heap[above] as Happening;
      at = above;
    }
    heap[at] = happening;
  }

  /** The next one, or null when it is later. */
  takeUntil(untilMs: number): Happening | null {
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) return null;
    const last = this.#heap.pop() as Happening;
    if (this.#heap.length > 0) this.#sink(last);
    return next;
  }

  #sink(last: Happening): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Happening, heap[below] as Happening)) below++;
      if (!isBefore(heap[below] as Happening, last)) break;
      heap[at] = heap[below] as Happening;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
