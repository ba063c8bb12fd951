/**
 * Which shard an actor belongs to. Fixed for ever once a cluster exists: changing this function or the shard count
 * would lose every actor, so a golden test holds it still.
 */
import { createHash } from 'node:crypto';
import { type ShardId, shardId } from '../base/ids.ts';

/** The first 32 bits of SHA-256 over `kind`, U+0000 and `key`, modulo `shardCount`. */
export function shardOf(kind: string, key: string, shardCount: number): ShardId {
  const digest = createHash('sha256').update(`${kind}\0${key}`).digest();
  return shardId(digest.readUInt32BE(0) % shardCount);
}
