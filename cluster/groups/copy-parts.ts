/**
 * A shard's state as parts that are read one by one, each from where the one before ended: nothing is held between them.
 *
 * A cursor is the number of a keyspace and the last key read of it. References of bodies come last, and are found by
 * looking through all of the node, since they lie by hash: one pass a copy, in short reads.
 */
import type { ShardId } from '../../runtime/base/ids.ts';
import { after, below, type KeyPart, keyParts, keyspace, type RowKey, rowKey } from '../../runtime/store/keys.ts';
import type { LayeredStore, ReadableStore } from '../../runtime/store/layered-store.ts';
import type { RangeOptions, StoredRow } from '../../runtime/store/store.ts';
import { entryKeyspaces } from './payload.ts';

/** One letter each, behind those of `entryKeyspaces`. */
const letters = 'abcdefghij';
const referencePhase = entryKeyspaces.length;
const partBytesMax = 512 * 1024;
const partRowsMax = 500;

interface Row {
  readonly key: RowKey;
  readonly value: Uint8Array | null;
}

export interface StatePart<R extends Row> {
  readonly rows: readonly R[];
  readonly next: string;
  readonly isLast: boolean;
}

type Read<R extends Row> = (options: RangeOptions) => readonly R[];

/** What is there, to be given. */
export const readPart = (store: ReadableStore, shard: ShardId, cursor: string | null): StatePart<StoredRow> =>
  partOf((options) => store.range(options), shard, cursor);

/** All keys that may come to light again, to be taken away. */
export const readKnown = (store: LayeredStore, shard: ShardId, cursor: string | null): StatePart<Row> =>
  partOf((options) => store.knownKeys(options).map((key) => ({ key, value: null })), shard, cursor);

function partOf<R extends Row>(read: Read<R>, shard: ShardId, cursor: string | null): StatePart<R> {
  let phase = cursor === null ? 0 : letters.indexOf(cursor.charAt(0));
  let last = (cursor?.slice(1) ?? '') as RowKey;
  const rows: R[] = [];
  let bytes = 0;
  for (; phase < referencePhase; phase++) {
    const all = below(rowKey([entryKeyspaces[phase]!, shard]));
    const start = last === '' ? all.start : after(last);
    // The longest rows are megabytes: few at a time.
    for (const row of read({ start, end: all.end, limit: partRowsMax })) {
      rows.push(row);
      bytes += row.key.length + (row.value?.byteLength ?? 0);
      last = row.key;
      if (bytes >= partBytesMax || rows.length >= partRowsMax) return { rows, next: at(phase, last), isLast: false };
    }
    last = '' as RowKey;
  }
  if (rows.length > 0) return { rows, next: at(referencePhase, last), isLast: false };
  return referencesOf(read, shard, last);
}

function referencesOf<R extends Row>(read: Read<R>, shard: ShardId, last: RowKey): StatePart<R> {
  const all = below(rowKey([keyspace.bodyReference]));
  const found = read({ start: last === '' ? all.start : after(last), end: all.end, limit: partRowsMax });
  const rows = found.filter(({ key }) => referenceOf(key)?.owner[0] === shard);
  const isLast = found.length < partRowsMax;
  return { rows, next: at(referencePhase, found.at(-1)?.key ?? last), isLast };
}

const at = (phase: number, key: RowKey): string => letters.charAt(phase) + key;

/** Who needs which body, if that is what the row says; a body's head is in the same keyspace. */
export function referenceOf(key: RowKey): { readonly hash: string; readonly owner: readonly KeyPart[] } | null {
  if (!key.startsWith(`${keyspace.bodyReference}\0`)) return null;
  const [, hash, ...owner] = keyParts(key);
  return owner.length === 0 ? null : { hash: hash as string, owner };
}

/** Whether a row from a peer may be one of this shard's state. */
export function isRowOf(shard: ShardId, key: RowKey): boolean {
  return (
    entryKeyspaces.some((space) => key.startsWith(`${rowKey([space, shard])}\0`)) ||
    referenceOf(key)?.owner[0] === shard
  );
}
