/**
 * Which shard an actor belongs to. Fixed for ever once a cluster exists: changing this function or the shard count
 * would lose every actor, so a golden test holds it still.
 */
import { hash } from 'node:crypto';
import { type ShardId, shardId } from '../base/ids.ts';

/** The first 32 bits of SHA-256 over `kind`, U+0000 and `key`, modulo `shardCount`. */
export function shardOf(kind: string, key: string, shardCount: number): ShardId {
  const digest = hash('sha256', `${kind}\0${key}`, 'hex');
  return shardId(Number.parseInt(digest.slice(0, 8), 16) % shardCount);
}
