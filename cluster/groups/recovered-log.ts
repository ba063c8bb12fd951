/** The log of one shard while it is put together from the heads of batches, which may come out of order. */
import type { Position } from '../raft/protocol.ts';
import type { KeptEntry } from './hosted-group.ts';

export class RecoveredLog {
  readonly #entries = new Map<number, KeptEntry>();
  #last = 0;

  /** @returns the entry that now stands there */
  note(entry: KeptEntry, isCarried: boolean): KeptEntry {
    const known = this.#entries.get(entry.index);
    if (isCarried && known !== undefined && known.term === entry.term) {
      known.batch = entry.batch;
      return known;
    }
    this.#entries.set(entry.index, entry);
    this.#last = Math.max(this.#last, entry.index);
    return entry;
  }

  truncate(from: number): void {
    for (let index = this.#last; index >= from; index--) this.#entries.delete(index);
    this.#last = Math.min(this.#last, from - 1);
  }

  /** Entries up to `upTo` are no part of the log any more. */
  forget(upTo: number): void {
    for (const index of this.#entries.keys()) if (index <= upTo) this.#entries.delete(index);
  }

  entry(index: number): KeptEntry | undefined {
    return this.#entries.get(index);
  }

  /** Drops what does not lead to the end: entries before a gap were compacted, others belong to a state that was given up. */
  trim(applied: Position): void {
    const end = this.#entries.get(applied.index);
    let from = this.#last + 1;
    while (this.#leadsTo(from - 1)) from--;
    if (this.#last < applied.index) from = this.#last + 1;
    else if (end !== undefined && end.term !== applied.term) from = Math.max(from, applied.index + 1);
    for (const index of this.#entries.keys()) if (index < from) this.#entries.delete(index);
  }

  /** Whether the entry is there, and the one before the next. */
  #leadsTo(index: number): boolean {
    const entry = this.#entries.get(index);
    const next = this.#entries.get(index + 1);
    return entry !== undefined && (next === undefined || next.previousTerm === entry.term);
  }

  /** In order, without a gap. */
  get entries(): KeptEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.index - b.index);
  }
}
