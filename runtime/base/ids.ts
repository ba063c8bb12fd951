/** Ids that the compiler keeps apart. Making one is a cast in exactly one function each. */
import type { Random } from './random.ts';

declare const brand: unique symbol;
export type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A node of the cluster, e.g. `n1`. */
export type NodeId = Branded<string, 'NodeId'>;
/** A fixed slice of actor keys: 0 … shardCount - 1. */
export type ShardId = Branded<number, 'ShardId'>;
/** Raft's term: a lone node begins a new one at each start. */
export type Term = Branded<number, 'Term'>;
/** Position in a shard's log: 1, 2, 3 … without a gap. */
export type LogIndex = Branded<number, 'LogIndex'>;

export const nodeId = (text: string): NodeId => text as NodeId;
export const shardId = (value: number): ShardId => value as ShardId;
export const term = (value: number): Term => value as Term;
export const logIndex = (value: number): LogIndex => value as LogIndex;

/** Crockford's base 32: no I, L, O, U, so that an id can be read aloud. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A cluster-unique id whose text order is its time order (ULID's layout): 48 bits of milliseconds, 80 of chance.
 * 26 lower-case characters.
 */
export function timeOrderedId(nowMs: number, random: Random): string {
  let text = '';
  let rest = nowMs;
  for (let i = 0; i < 10; i++) {
    text = alphabet.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text + randomText(random, 16);
}

/** `length` characters of 5 bits of chance each. */
export function randomText(random: Random, length: number): string {
  let text = '';
  for (const byte of random.bytes(length)) text += alphabet.charAt(byte & 31);
  return text;
}
