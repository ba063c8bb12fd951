/**
 * Row keys in order, in buckets of bounded size: appending costs the same whatever there is, and a key in the middle
 * moves a bucket's worth of its neighbours.
 */
import type { RowKey } from './keys.ts';

/** A bucket that grows beyond this is cut in two. */
const bucketKeysMax = 512;

/** A place between keys. The end is the place before the first key of a bucket that does not exist. */
interface Place {
  bucket: number;
  index: number;
}

export class SortedKeys {
  /** None is empty. */
  readonly #buckets: RowKey[][] = [];

  /** Adds many keys at once, none of which is there yet: sorting them all costs less than finding each its place. */
  addAll(keys: readonly RowKey[]): void {
    const all = this.#buckets.flat().concat(keys).sort();
    this.#buckets.length = 0;
    for (let at = 0; at < all.length; at += bucketKeysMax / 2)
      this.#buckets.push(all.slice(at, at + bucketKeysMax / 2));
  }

  /** Adds `key`, which must not be there yet. */
  add(key: RowKey): void {
    // A key behind all others (a log row) goes to the end of the last bucket.
    const number = Math.min(this.#bucketOf(key), this.#buckets.length - 1);
    const bucket = this.#buckets[number];
    if (bucket === undefined) {
      this.#buckets.push([key]);
      return;
    }
    if (key > (bucket.at(-1) as RowKey)) bucket.push(key);
    else bucket.splice(placeIn(bucket, key), 0, key);
    if (bucket.length <= bucketKeysMax) return;
    // The last bucket is cut at its end, so that a growing log fills its buckets.
    const isLast = number === this.#buckets.length - 1;
    this.#buckets.splice(number + 1, 0, bucket.splice(isLast ? bucketKeysMax : bucketKeysMax / 2));
  }

  /** Removes `key`, which must be there. */
  remove(key: RowKey): void {
    const number = this.#bucketOf(key);
    const bucket = this.#buckets[number] as RowKey[];
    bucket.splice(placeIn(bucket, key), 1);
    if (bucket.length === 0) this.#buckets.splice(number, 1);
  }

  /** Up to `limit` keys from `start` (inclusive) to `end` (exclusive), from the lower or from the upper end. */
  between(start: RowKey, end: RowKey, limit: number, reverse: boolean): RowKey[] {
    const keys: RowKey[] = [];
    const place = this.#placeOf(reverse ? end : start);
    while (keys.length < limit) {
      if (reverse) this.#stepBack(place);
      const key = this.#buckets[place.bucket]?.[place.index];
      if (key === undefined || (reverse ? key < start : key >= end)) break;
      keys.push(key);
      if (!reverse) this.#stepOn(place);
    }
    return keys;
  }

  #placeOf(key: RowKey): Place {
    const number = this.#bucketOf(key);
    const bucket = this.#buckets[number];
    return { bucket: number, index: bucket === undefined ? 0 : placeIn(bucket, key) };
  }

  #stepOn(place: Place): void {
    place.index++;
    if (place.index < (this.#buckets[place.bucket] as RowKey[]).length) return;
    place.bucket++;
    place.index = 0;
  }

  #stepBack(place: Place): void {
    place.index--;
    if (place.index >= 0) return;
    place.bucket--;
    place.index = (this.#buckets[place.bucket]?.length ?? 0) - 1;
  }

  /** The first bucket that ends at `key` or behind it; the number of buckets when there is none. */
  #bucketOf(key: RowKey): number {
    let low = 0;
    let high = this.#buckets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#buckets[middle]?.at(-1) as RowKey) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Where `key` stands in a sorted array, or would stand. */
function placeIn(keys: readonly RowKey[], key: RowKey): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as RowKey) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
