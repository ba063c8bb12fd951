/** Rows in memory, in order: what is committed in the log and not yet in the tree. A deletion is a row, too. */
import type { RowKey } from './keys.ts';
import { SortedKeys } from './sorted-keys.ts';
import type { StoreOp } from './store.ts';

export interface LayerRow {
  readonly key: RowKey;
  /** null: deleted, whatever lies below says. */
  readonly value: Uint8Array | null;
}

/** Above it, sorting everything anew is cheaper (0.5 us a key against 2 us, and all must be touched). */
const sortedSinglyMax = 1_000;

export class Layer {
  readonly #rows = new Map<RowKey, Uint8Array | null>();
  readonly #keys = new SortedKeys();
  /** Keys that were not put in order yet: most rows are looked up by their key and only sorted when they are sealed. */
  #unsorted: RowKey[] = [];

  get size(): number {
    return this.#rows.size;
  }

  /** undefined: this layer says nothing of the key. */
  get(key: RowKey): Uint8Array | null | undefined {
    return this.#rows.get(key);
  }

  apply(ops: readonly StoreOp[]): void {
    for (const { key, value } of ops) {
      const { size } = this.#rows;
      this.#rows.set(key, value);
      // Asked of the size, since looking the key up a second time would cost as much as putting it there.
      if (this.#rows.size > size) this.#unsorted.push(key);
    }
  }

  /** Up to `limit` rows from `start` (inclusive) to `end` (exclusive), from the lower or from the upper end. */
  range(start: RowKey, end: RowKey, limit: number, reverse: boolean): LayerRow[] {
    this.#sort();
    const keys = this.#keys.between(start, end, limit, reverse);
    return keys.map((key) => ({ key, value: this.#rows.get(key) ?? null }));
  }

  #sort(): void {
    const keys = this.#unsorted;
    if (keys.length === 0) return;
    this.#unsorted = [];
    if (keys.length > sortedSinglyMax) this.#keys.addAll(keys);
    else for (const key of keys) this.#keys.add(key);
  }
}
