/**
 * Where everything lies in the one ordered keyspace, and how a key becomes bytes.
 *
 * A key is an array of strings and numbers, encoded by `ordered-binary` (the encoding that lmdb itself uses), so
 * that bytewise order is the order of the arrays. In memory it is a *binary string* (one character a byte): it can be
 * a Map key, it compares like its bytes, and a prefix can be encoded once and kept.
 */
import { fromBufferKey, toBufferKey } from 'ordered-binary';
import type { Branded, ShardId } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';

export type RowKey = Branded<string, 'RowKey'>;
/** See `isKeyText` and `isKeyNumber` for what may be one: what comes from outside is checked before it is in a key. */
export type KeyPart = string | number;

/** One letter a keyspace. A letter once used is never given another meaning. */
export const keyspace = {
  /** ['m', name]: format version, cluster id, node id, shard count */
  meta: 'm',
  /** ['l', batch]: one row a group commit, with the heads of its log entries; ['l', batch, 1]: what they hold */
  log: 'l',
  /** ['a']: the last batch of the log that is in the tree; ['a', shard]: where the shard's state was then */
  applied: 'a',
  /** ['s', shard, kind, actor key, ...the actor's own parts] */
  state: 's',
  /** ['t', shard, due ms, kind, actor key, timer name] */
  timer: 't',
  /** ['n', shard, kind, actor key, timer name]: when that timer is due */
  timerName: 'n',
  /** ['o', source shard, target shard, sequence]: a notice on its way */
  outbox: 'o',
  /** ['p', source shard, target shard]: last sequence given out */
  outboxHead: 'p',
  /** ['i', target shard, source shard]: last sequence applied */
  inbox: 'i',
  /** ['d', shard, caller, sequence]: the answer that a command got */
  dedup: 'd',
  /** ['e', shard, subject, entry index]: a line of a mail's history */
  event: 'e',
  /** ['x', shard, entry index]: a notice that failed for good */
  deadLetter: 'x',
  /** ['b', number, chunk]: the bytes of a body, in the order in which bodies came */
  body: 'b',
  /** ['r', hash]: a body's number; ['r', hash, shard, kind, actor key, tag]: who needs it */
  bodyReference: 'r',
  /** ['g', hash]: a body that may have lost its last reference */
  bodyGarbage: 'g',
  /** ['u', hash]: a body that is here in part, or whole and not named by any entry yet */
  staged: 'u',
  /** ['h', shard]: a replica's Raft state that is not in its log: term, vote, configuration, a copy under way */
  replica: 'h',
} as const;

/**
 * U+0000 separates the parts; `ordered-binary` escapes it and U+0001 to U+0004 in short strings and not in long ones, so
 * that such strings neither keep their order nor always come back. A lone surrogate (with the flag `u` that is one
 * outside of a pair) has no bytes in UTF-8.
 */
const unorderable = /[\0-\x04\ud800-\udfff]/u;

/** Whether `text` can be part of a key. */
export function isKeyText(text: string): boolean {
  return !unorderable.test(text);
}

/** Whether `value` can be part of a key: NaN and the infinities have no place in an order, and -0 gets that of a text. */
export function isKeyNumber(value: number): boolean {
  return Number.isFinite(value) && !Object.is(value, -0);
}

export function rowKey(parts: readonly KeyPart[]): RowKey {
  for (const part of parts) {
    if (typeof part === 'number') invariant(isKeyNumber(part), 'a number in a key is finite and not -0');
    else invariant(isKeyText(part), 'a text in a key is well-formed and without U+0000 to U+0004');
  }
  return toBufferKey(parts as KeyPart[]).toString('latin1') as RowKey;
}

/** The key whose parts are those of `prefix` and then `parts`. */
export function joinKey(prefix: RowKey, parts: readonly KeyPart[]): RowKey {
  return `${prefix}\0${rowKey(parts)}` as RowKey;
}

export function keyParts(key: RowKey): KeyPart[] {
  const parts = fromBufferKey(Buffer.from(key, 'latin1')) as KeyPart | KeyPart[];
  return Array.isArray(parts) ? parts : [parts];
}

/** Bounds of all keys that have `prefix` and at least one part more. */
export function below(prefix: RowKey): { readonly start: RowKey; readonly end: RowKey } {
  return { start: `${prefix}\0` as RowKey, end: `${prefix}\x01` as RowKey };
}

/** The smallest key that sorts behind `key`. */
export function after(key: RowKey): RowKey {
  return `${key}\0` as RowKey;
}

export const statePrefix = (shard: ShardId, kind: string, actorKey: string): RowKey =>
  rowKey([keyspace.state, shard, kind, actorKey]);
