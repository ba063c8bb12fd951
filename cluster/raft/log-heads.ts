/**
 * Terms, kinds and sizes of the kept entries of one group, by index: all that Raft asks of a log.
 *
 * Promises: every look-up is constant time but `lastAtMost` (binary search, since terms never fall along a log);
 * reading and appending copy nothing.
 * Leaves to others: payloads, and what is durable.
 */
import { logIndex, type Term } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Configuration, Entry, EntryHead, Position } from './protocol.ts';

interface Change {
  readonly index: number;
  readonly configuration: Configuration;
}

export class LogHeads {
  /** With payload null, so that they go into msgs as they are and pin no payload in memory. */
  #heads: Entry[] = [];
  /** Of each head: the bytes of all entries up to it, since this object was made. */
  #bytesUpTo: number[] = [];
  #bytesUpToBase = 0;
  #base: Position;
  /** Index of the first head. */
  #first: number;
  /** The one in force at the base, then those of the kept entries. The newest is in force [R §4.1]. */
  #changes: Change[];

  constructor(base: Position, configuration: Configuration, entries: readonly EntryHead[]) {
    this.#base = base;
    this.#first = base.index + 1;
    this.#changes = [{ index: base.index, configuration }];
    for (const entry of entries) this.append(entry);
  }

  /** What was compacted away ends here. */
  get base(): Position {
    return this.#base;
  }

  get lastIndex(): number {
    return this.#first + this.#heads.length - 1;
  }

  get last(): Position {
    const { index, term } = this.#heads.at(-1) ?? this.#base;
    return { index, term };
  }

  get lastTerm(): Term {
    return (this.#heads.at(-1) ?? this.#base).term;
  }

  get configuration(): Configuration {
    return this.#changes.at(-1)!.configuration;
  }

  /** Of the entry that brought it. */
  get configurationIndex(): number {
    return this.#changes.at(-1)!.index;
  }

  configurationAt(index: number): Configuration {
    const change = this.#changes.findLast((change) => change.index <= index);
    invariant(change !== undefined, 'the configuration of a compacted place is not asked for');
    return change.configuration;
  }

  /** Null: compacted away, or not there yet. */
  termAt(index: number): Term | null {
    if (index === this.#base.index) return this.#base.term;
    return this.#heads[index - this.#first]?.term ?? null;
  }

  /** Of a kept place. */
  positionAt(index: number): Position {
    const term = this.termAt(index);
    invariant(term !== null, 'only kept places of the log are named');
    return { index: logIndex(index), term };
  }

  holds(place: Position): boolean {
    return this.termAt(place.index) === place.term;
  }

  /** Of the entries behind `after`, up to and with `upTo`; what was compacted counts nothing. */
  bytesBetween(after: number, upTo: number): number {
    return this.#bytesAt(upTo) - this.#bytesAt(after);
  }

  append(entry: EntryHead): void {
    const { index, term, kind, bytes, configuration } = entry;
    invariant(index === this.lastIndex + 1, 'a log grows without a gap');
    invariant(term >= this.lastTerm, 'terms never fall along a log');
    this.#bytesUpTo.push(this.#bytesAt(index - 1) + bytes);
    this.#heads.push({ index, term, kind, bytes, configuration, payload: null });
    if (kind !== 'configuration') return;
    invariant(configuration !== null, 'a configuration entry carries its configuration');
    this.#changes.push({ index, configuration });
  }

  /** [R §4.1] A configuration entry that is truncated is no longer in force: the one before it is. */
  truncateFrom(index: number): void {
    invariant(index > this.#base.index, 'only kept entries are truncated');
    this.#heads.length = index - this.#first;
    this.#bytesUpTo.length = this.#heads.length;
    while (this.configurationIndex >= index) this.#changes.pop();
  }

  compact(upTo: number): void {
    if (upTo <= this.#base.index) return;
    const base = this.positionAt(upTo);
    this.#moveBase(base, this.configurationAt(upTo));
  }

  /** [R §5.2] The log goes on behind a snapshot; entries behind it stay if the log holds `base` (Figure 5.3, step 6). */
  install(base: Position, configuration: Configuration): void {
    if (this.holds(base)) {
      this.#moveBase(base, configuration);
      return;
    }
    this.#heads = [];
    this.#bytesUpTo = [];
    this.#base = base;
    this.#first = base.index + 1;
    this.#changes = [{ index: base.index, configuration }];
  }

  /**
   * The last place at or before `index` with a term of at most `term`: where two logs may agree at the latest
   * [R §3.5, faster backtracking]. Null: it would lie before the base.
   */
  lastAtMost(index: number, term: number): Position | null {
    if (index < this.#base.index || this.#base.term > term) return null;
    let low: number = this.#base.index;
    let high = Math.min(index, this.lastIndex);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.termAt(middle)! <= term) low = middle;
      else high = middle - 1;
    }
    return this.positionAt(low);
  }

  /** Entries from `from` to at most `end`, of `bytesMax` bytes, but at least one. They are shared: not to be changed. */
  slice(from: number, end: number, bytesMax: number): readonly Entry[] {
    let upTo = Math.min(from, end);
    while (upTo < end && this.bytesBetween(from - 1, upTo + 1) <= bytesMax) upTo++;
    return this.#heads.slice(from - this.#first, upTo - this.#first + 1);
  }

  #moveBase(base: Position, configuration: Configuration): void {
    this.#bytesUpToBase = this.#bytesAt(base.index);
    const dropped = base.index - this.#base.index;
    this.#heads.splice(0, dropped);
    this.#bytesUpTo.splice(0, dropped);
    this.#base = base;
    this.#first = base.index + 1;
    this.#changes = this.#changes.filter((change) => change.index > base.index);
    this.#changes.unshift({ index: base.index, configuration });
  }

  #bytesAt(index: number): number {
    return this.#bytesUpTo[index - this.#first] ?? this.#bytesUpToBase;
  }
}

/** [R §3.6.1] The log that ends later is newer: by term, then by length. */
export function isNewer(a: Position, b: Position): boolean {
  return a.term > b.term || (a.term === b.term && a.index > b.index);
}
