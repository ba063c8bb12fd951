/**
 * Shares of several nodes made into one list: each shard from one node, in the order that one node alone would give.
 *
 * Leaves to others: whom to believe of a shard (`gathering.ts`).
 */
import { shardOf } from '../../runtime/actor/shard.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { isKeyText, rowKey } from '../../runtime/store/keys.ts';

/** What one node told. */
export interface Share {
  readonly node: NodeId;
  readonly shards: ReadonlySet<number>;
  readonly value: readonly unknown[];
}

export interface Shares {
  readonly shares: readonly Share[];
  /** Whether that node is the one to believe of that shard. */
  readonly isFrom: (share: Share, shard: number) => boolean;
  readonly argument: unknown;
  readonly shardCount: number;
}

export interface Gathered {
  /** A list without some shards would be wrong. */
  readonly needsAll: boolean;
  readonly merge: (of: Shares) => unknown;
}

type Sharded = { readonly shard: number };

/** Topics that are told by all nodes together. */
export const gathered: ReadonlyMap<string, Gathered> = new Map<string, Gathered>([
  ['actors', { needsAll: true, merge: mergeActors }],
  ['events', { needsAll: false, merge: mergeEvents }],
  ['findEvents', { needsAll: false, merge: mergeSubjects }],
  ['deadLetters', { needsAll: true, merge: mergeDeadLetters }],
]);
const keyCharactersMax = 320;

function limitOf(argument: unknown): number {
  const limit = (argument as { readonly limit?: unknown } | null)?.limit;
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}

/** In the order of keys as they stand in rows, which is that of each share. */
function mergeActors({ shares, isFrom, argument, shardCount }: Shares): string[] {
  const { kind: of } = argument as { readonly kind: string };
  const keys = new Map<string, string>();
  for (const share of shares) {
    for (const key of share.value) {
      if (typeof key !== 'string' || key.length > keyCharactersMax || !isKeyText(key)) continue;
      if (isFrom(share, shardOf(of, key, shardCount))) keys.set(rowKey([key]), key);
    }
  }
  const inOrder = [...keys].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.slice(0, limitOf(argument)).map(([, key]) => key);
}

function mergeEvents(of: Shares): unknown[] {
  return sharded<{ readonly atMs: number }>(of).sort((a, b) => a.atMs - b.atMs);
}

function mergeSubjects({ shares, argument }: Shares): unknown[] {
  return [...new Set(shares.flatMap(({ value }) => value))].slice(0, limitOf(argument));
}

function mergeDeadLetters(of: Shares): unknown[] {
  const letters = sharded<{ readonly index: number }>(of);
  letters.sort((a, b) => a.shard - b.shard || a.index - b.index);
  return letters.slice(0, limitOf(of.argument));
}

function sharded<T>({ shares, isFrom }: Shares): (T & Sharded)[] {
  return shares.flatMap((share) => {
    const lines = share.value as readonly (T & Sharded)[];
    return lines.filter((line) => typeof line === 'object' && line !== null && isFrom(share, line.shard));
  });
}
