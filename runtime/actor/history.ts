/** Reading events back: the story of a subject, gathered from all shards. */
import { decodeRow } from '../codec/row.ts';
import { after, below, keyParts, keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoredEvents } from './turn-runner.ts';

export interface HistoryLine {
  readonly subject: string;
  readonly kind: string;
  readonly atMs: number;
  readonly shard: number;
  readonly actor: string;
  readonly key: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

/** A subject has few events in a shard; this bounds what a hostile one costs. */
const linesPerShardMax = 1_000;

function linesOf(subject: string, shard: number, stored: StoredEvents): HistoryLine[] {
  return stored.events.map(({ kind, detail }) => ({
    subject,
    kind,
    atMs: stored.atMs,
    shard,
    actor: stored.actor,
    key: stored.key,
    detail,
  }));
}

/**
 * All events of one subject in order of time.
 * @param shards only these; left out: all
 */
export function eventsOf(
  store: ReadableStore,
  shardCount: number,
  subject: string,
  shards?: ReadonlySet<number>,
): HistoryLine[] {
  const lines: HistoryLine[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    if (shards?.has(shard) === false) continue;
    const range = below(rowKey([keyspace.event, shard, subject]));
    for (const row of store.range({ ...range, limit: linesPerShardMax })) {
      lines.push(...linesOf(subject, shard, decodeRow(row.value).value as StoredEvents));
    }
  }
  return lines.sort((a, b) => a.atMs - b.atMs);
}

export interface SubjectSearch {
  readonly field: string;
  readonly value: string;
  readonly limit: number;
  /** Only these shards; left out: all. */
  readonly shards?: ReadonlySet<number>;
}

/** Rows of one slice of a search; between slices the loop does other work. */
const searchSliceRows = 500;

/**
 * Searches all events for one whose detail has `field` equal to `value`, e.g. a mail by its Message-ID. There is no
 * index for that: it reads every event, in slices, and ends at `limit` subjects.
 */
export async function findSubjects(
  store: ReadableStore,
  search: SubjectSearch,
  pause: () => Promise<void>,
): Promise<string[]> {
  const found = new Set<string>();
  const all = below(rowKey([keyspace.event]));
  let start = all.start;
  for (;;) {
    const rows = store.range({ start, end: all.end, limit: searchSliceRows });
    for (const row of rows) {
      if (search.shards?.has(keyParts(row.key)[1] as number) === false) continue;
      const stored = decodeRow(row.value).value as StoredEvents;
      if (stored.events.some(({ detail }) => detail[search.field] === search.value)) {
        found.add(keyParts(row.key)[2] as string);
        if (found.size >= search.limit) return [...found];
      }
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < searchSliceRows) return [...found];
    start = after(last.key);
    await pause();
  }
}
