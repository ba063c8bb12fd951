/** Notices that failed for good: kept with their bodies until an operator retries or drops them. */
import type { ErrorData } from '../base/errors.ts';
import type { ShardId } from '../base/ids.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import { below, keyParts, keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoredRow } from '../store/store.ts';
import type { BodyHold, WriteSet } from './log.ts';
import type { StoredNotice } from './outbox.ts';
import { runtimeRowVersion } from './turn.ts';

export interface DeadLetter {
  readonly notice: StoredNotice;
  readonly error: ErrorData;
  readonly atMs: number;
}

export interface ListedDeadLetter extends DeadLetter {
  readonly shard: number;
  /** With the shard, its name. */
  readonly index: number;
}

function holdsOf(shard: number, index: number, notice: StoredNotice, held: boolean): BodyHold[] {
  return notice.bodies.map(({ hash }) => ({ hash, owner: [shard, '', 'deadLetter', String(index)], held }));
}

export function deadLetterEntry(
  shard: ShardId,
  index: number,
  timeMs: number,
  notice: StoredNotice,
  error: ErrorData,
): WriteSet {
  const letter: DeadLetter = { notice, error, atMs: Math.floor(timeMs) };
  return {
    timeMs,
    rows: [{ key: rowKey([keyspace.deadLetter, shard, index]), value: encodeRow(runtimeRowVersion, letter) }],
    holds: holdsOf(shard, index, notice, true),
    bodies: [],
  };
}

/** What removes a dead letter: part of the entry that retried it with success, or an entry of its own. */
export function deadLetterRemoval(letter: ListedDeadLetter): Pick<WriteSet, 'rows' | 'holds'> {
  return {
    rows: [{ key: rowKey([keyspace.deadLetter, letter.shard, letter.index]), value: null }],
    holds: holdsOf(letter.shard, letter.index, letter.notice, false),
  };
}

/** @param shards only these; left out: all */
export function listDeadLetters(store: ReadableStore, limit: number, shards?: ReadonlySet<number>): ListedDeadLetter[] {
  const prefixes = shards === undefined ? [[]] : [...shards].sort((a, b) => a - b).map((shard) => [shard]);
  const rows: StoredRow[] = [];
  for (const prefix of prefixes) {
    const left = limit - rows.length;
    if (left > 0) rows.push(...store.range({ ...below(rowKey([keyspace.deadLetter, ...prefix])), limit: left }));
  }
  return rows.map(({ key, value }) => {
    const [, shard, index] = keyParts(key) as [string, number, number];
    return { shard, index, ...(decodeRow(value).value as DeadLetter) };
  });
}

export function findDeadLetter(store: ReadableStore, shard: number, index: number): ListedDeadLetter | undefined {
  const bytes = store.get(rowKey([keyspace.deadLetter, shard, index]));
  return bytes === undefined ? undefined : { shard, index, ...(decodeRow(bytes).value as DeadLetter) };
}
