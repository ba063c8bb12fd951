/**
 * Which shard an actor belongs to. Fixed for ever once a cluster exists: changing this function or the shard count
 * would lose every actor, so a golden test holds it still.
 */
import { hash } from 'node:crypto';
import { type ShardId, shardId } from '../base/ids.ts';

/** The kind whose one actor says who is in the cluster. It has a shard of its own, since every node keeps a copy of that. */
export const metadataKind = 'cluster';

/** The shard of `metadataKind`: behind all others, so that adding it moved no actor. */
export const metadataShard = (shardCount: number): ShardId => shardId(shardCount);

/** Logs that a node keeps: one of each shard, and the cluster's own. */
export const groupCount = (shardCount: number): number => shardCount + 1;

/** The first 32 bits of SHA-256 over `kind`, U+0000 and `key`, modulo `shardCount`. */
export function shardOf(kind: string, key: string, shardCount: number): ShardId {
  if (kind === metadataKind) return metadataShard(shardCount);
  const digest = hash('sha256', `${kind}\0${key}`, 'hex');
  return shardId(Number.parseInt(digest.slice(0, 8), 16) % shardCount);
}
