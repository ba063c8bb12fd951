/** Rows in memory, in order: committed in the log and not yet in the tree. A deletion is a row, too. */
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

/**
 * The keys of one keyspace. Most rows are looked up by their key and only put in order when the layer is sealed, so a range
 * over one keyspace leaves the others as they came.
 */
class KeyspaceKeys {
  readonly sorted = new SortedKeys();
  #unsorted: RowKey[] = [];

  add(key: RowKey): void {
    this.#unsorted.push(key);
  }

  sort(): void {
    const keys = this.#unsorted;
    if (keys.length === 0) return;
    this.#unsorted = [];
    if (keys.length > sortedSinglyMax) this.sorted.addAll(keys);
    else for (const key of keys) this.sorted.add(key);
  }
}

export class Layer {
  readonly #rows = new Map<RowKey, Uint8Array | null>();
  /** By the first byte of their keys, which is the keyspace's letter. */
  readonly #keyspaces = new Map<number, KeyspaceKeys>();

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
      if (this.#rows.size > size) this.#keyspaceOf(key.charCodeAt(0)).add(key);
    }
  }

  /** Up to `limit` rows from `start` (inclusive) to `end` (exclusive), from the lower or from the upper end. */
  range(start: RowKey, end: RowKey, limit: number, reverse: boolean): LayerRow[] {
    const rows: LayerRow[] = [];
    for (const letter of this.#lettersOf(start, end, reverse)) {
      const keys = this.#keyspaces.get(letter)!;
      keys.sort();
      const found = keys.sorted.between(start, end, limit - rows.length, reverse);
      for (const key of found) rows.push({ key, value: this.#rows.get(key) ?? null });
      if (rows.length >= limit) break;
    }
    return rows;
  }

  /** The keyspaces that have keys there, in order. Nearly always it is one at most. */
  #lettersOf(start: RowKey, end: RowKey, reverse: boolean): number[] {
    const from = start === '' ? 0 : start.charCodeAt(0);
    const to = end.charCodeAt(0);
    if (from === to) return this.#keyspaces.has(from) ? [from] : [];
    const letters = [...this.#keyspaces.keys()].filter((letter) => letter >= from && letter <= to);
    return letters.sort((a, b) => (reverse ? b - a : a - b));
  }

  #keyspaceOf(letter: number): KeyspaceKeys {
    let keyspace = this.#keyspaces.get(letter);
    if (keyspace === undefined) this.#keyspaces.set(letter, (keyspace = new KeyspaceKeys()));
    return keyspace;
  }
}
