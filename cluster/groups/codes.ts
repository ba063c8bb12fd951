/** Every operating error of this folder. Each text says what is wrong and what cures it. */
import { type OperationError, refused } from '../../runtime/base/errors.ts';

/** A peer sent what cannot be; nothing of the frame was taken. */
export function frameRefused(what: string): OperationError {
  return refused('frameRefused', `a frame of a peer was refused: ${what}. Do both nodes run versions that fit?`);
}

/** A lone voter has nobody to get it back from. */
export function entryDamaged(shard: number, index: number): OperationError {
  const text =
    `entry ${index} of shard ${shard} is damaged on this disk, and no other node has a copy. ` +
    'Look at the disk, then restore a backup of the data directory';
  return refused('entryDamaged', text);
}

/** Nobody can say any more where logs ended. */
export function logDamaged(batch: number): OperationError {
  const text =
    `the heads of batch ${batch} of the log are damaged on this disk, and no other node has copies of its shards. ` +
    'Look at the disk, then restore a backup of the data directory';
  return refused('logDamaged', text);
}
