/**
 * Which actors of a kind there are: those that have at least one row.
 *
 * Promises: a page costs one short look at each shard and one for each actor on it, however many rows the actors have
 * (it skips from actor to actor), and lets the loop do other work in between. Keys come in one order over all shards.
 * What changes meanwhile may or may not show.
 */
import { type ShardId, shardId } from '../base/ids.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';

export interface ActorKeysQuery {
  readonly kind: string;
  /** The last key of the page before; null for the first page. */
  readonly after: string | null;
  readonly limit: number;
  /** Only these shards; left out: all. */
  readonly shards?: ReadonlySet<number>;
}

/** Looks at the store between two pauses: some microseconds each. */
const looksAtOnce = 64;

/** The next actor of one shard. */
interface Candidate {
  readonly shard: ShardId;
  readonly key: string;
  /** The key as it stands in rows, by which all shards order alike. */
  readonly order: RowKey;
}

/** Fewer than `limit`: these were the last. */
export async function actorKeys(
  store: ReadableStore,
  shardCount: number,
  { kind, after, limit, shards }: ActorKeysQuery,
  pause: () => Promise<void>,
): Promise<string[]> {
  let looks = 0;
  const nextIn = async (shard: ShardId, behind: string | null): Promise<Candidate | undefined> => {
    if (++looks % looksAtOnce === 0) await pause();
    return firstActor(store, shard, kind, behind);
  };
  const heads: Candidate[] = [];
  for (let shard = 0; shard < shardCount; shard++) {
    if (shards?.has(shard) === false) continue;
    const head = await nextIn(shardId(shard), after);
    if (head !== undefined) insert(heads, head);
  }
  const keys: string[] = [];
  while (keys.length < limit) {
    const first = heads.pop();
    if (first === undefined) break;
    keys.push(first.key);
    const next = keys.length < limit ? await nextIn(first.shard, first.key) : undefined;
    if (next !== undefined) insert(heads, next);
  }
  return keys;
}

function firstActor(store: ReadableStore, shard: ShardId, kind: string, behind: string | null): Candidate | undefined {
  const all = below(rowKey([keyspace.state, shard, kind]));
  const start = behind === null ? all.start : below(rowKey([keyspace.state, shard, kind, behind])).end;
  const [row] = store.range({ start, end: all.end, limit: 1 });
  if (row === undefined) return undefined;
  const key = keyParts(row.key)[3] as string;
  return { shard, key, order: rowKey([key]) };
}

/** The first in order stands at the end, where it costs nothing to take. */
function insert(heads: Candidate[], candidate: Candidate): void {
  let [low, high] = [0, heads.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((heads[middle] as Candidate).order > candidate.order) low = middle + 1;
    else high = middle;
  }
  heads.splice(low, 0, candidate);
}
