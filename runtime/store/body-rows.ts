/**
 * How a body (the bytes of a message, or a part of them) lies in rows, by the hash of its bytes.
 *
 * `['r', hash]` is its head: number, size, checksums. `['b', number, 0]`, `['b', number, 1]` … hold its bytes, as they
 * are: what came from the network goes to the disk without a copy. Each has a checksum of its own, so that a piece can
 * be read and trusted without the whole.
 *
 * Leaves to others: when a body comes and goes (`bodies.ts`).
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { invariant } from '../base/invariant.ts';
import { decodeRow, encodeRow, RottenRowError } from '../codec/row.ts';
import { below, type KeyPart, keyParts, keyspace, type RowKey, rowKey } from './keys.ts';
import type { ReadableStore } from './layered-store.ts';
import type { StoreOp } from './store.ts';
import { bodyUnreadable } from './store-errors.ts';

/** Bytes of a body in one row: with LMDB's own header they fill 16 pages of 4 KiB; 64 KiB would take 17. */
export const chunkBytesMax = 65_280;
/** The most that one `readBody` gives: it runs on the loop. */
export const bodyReadBytesMax = 1_048_576;
const bodyRowVersion = 1;

/** What is known of a stored body without its bytes. */
export interface BodyInfo {
  readonly sizeBytes: number;
  readonly number: number;
  /** CRC-32 of each of its rows. */
  readonly sums: readonly number[];
}

export interface BodyRange {
  /** First byte wanted, from 0. */
  readonly offset?: number;
  /** Bytes wanted, at most `bodyReadBytesMax`; fewer come at the end of the body. */
  readonly length?: number;
}

/** What the row of a body's hash says. Codec, key and location have one meaning now; they are named so that more can come (plan §11). */
interface Head {
  readonly number: number;
  readonly size: number;
  readonly codec: 'plain';
  /** Key that it is encrypted with. */
  readonly keyId: null;
  readonly location: 'here';
  /** CRC-32 of each chunk. */
  readonly sums: readonly number[];
}

/** SHA-256 as base64url: 43 characters. */
export function bodyHash(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url');
}

/** Bodies lie in the order in which they came, so that new ones are written in one piece. @param number from 1 */
export function bodyKey(number: number, chunk: number): RowKey {
  return rowKey([keyspace.body, number, chunk]);
}

/** Says where and how the body of that hash lies. Who needs it stands right below, in the same page. */
export function bodyHeadKey(hash: string): RowKey {
  return rowKey([keyspace.bodyReference, hash]);
}

const bodyPrefix = `${keyspace.body}\0`;

/** Whether a row holds bytes of a body: those go straight into the tree, once. */
export function isBodyBytes(key: RowKey): boolean {
  return key.startsWith(bodyPrefix);
}

/** The highest number given out, as the store has it. */
export function lastBodyNumber(store: ReadableStore): number {
  const [last] = store.range({ ...below(rowKey([keyspace.body])), limit: 1, reverse: true });
  return last === undefined ? 0 : (keyParts(last.key)[1] as number);
}

/** undefined: there is no such body. @throws {RottenRowError} */
function readHead(store: ReadableStore, hash: string): Head | undefined {
  const row = store.get(bodyHeadKey(hash));
  return row === undefined ? undefined : (decodeRow(row).value as Head);
}

/** @param owner shard, kind, actor key and tag of who needs the body */
export function referenceKey(hash: string, owner: readonly KeyPart[]): RowKey {
  return rowKey([keyspace.bodyReference, hash, ...owner]);
}

/**
 * Puts of all rows of a body: its head, then its bytes as they are. Nothing is copied, so `bytes` must not change until
 * the write has settled.
 * @param hash that of `bytes`, see `bodyHash`
 */
export function bodyOps(hash: string, number: number, bytes: Uint8Array): StoreOp[] {
  const ops: StoreOp[] = [];
  const sums: number[] = [];
  for (let at = 0; at < bytes.byteLength; at += chunkBytesMax) {
    const value = bytes.subarray(at, at + chunkBytesMax);
    ops.push({ key: bodyKey(number, sums.length), value });
    sums.push(crc32(value));
  }
  return [bodyHeadRow(hash, number, bytes.byteLength, sums), ...ops];
}

/** @param sums CRC-32 of each of its rows */
export function bodyHeadRow(hash: string, number: number, size: number, sums: readonly number[]): StoreOp {
  const head: Head = { number, size, codec: 'plain', keyId: null, location: 'here', sums };
  return { key: bodyHeadKey(hash), value: encodeRow(bodyRowVersion, head) };
}

/** Deletes of all rows of a committed body. Reads none of their bytes: one with rotten bytes can be deleted too. */
export function bodyDeletes(store: ReadableStore, hash: string): StoreOp[] {
  const head = readHead(store, hash);
  if (head === undefined) return [];
  const chunks = head.sums.map((_, chunk) => ({ key: bodyKey(head.number, chunk), value: null }));
  return [{ key: bodyHeadKey(hash), value: null }, ...chunks];
}

/**
 * Undefined when there is no such body.
 * @throws {RottenRowError}
 * @throws {OperationError} bodyUnreadable
 */
export function bodyInfo(store: ReadableStore, hash: string): BodyInfo | undefined {
  const head = readHead(store, hash);
  if (head === undefined) return undefined;
  if (head.codec !== 'plain' || head.keyId !== null || head.location !== 'here') throw bodyUnreadable(hash);
  const { number, size, sums } = head;
  return { number, sizeBytes: size, sums };
}

/**
 * A piece of a committed body, or undefined when there is no such body.
 * @param info what `bodyInfo` told: spares reading the head again for each piece
 * @throws {RottenRowError} also when rows of the body are missing or short
 * @throws {OperationError} bodyUnreadable
 */
export function readBody(
  store: ReadableStore,
  hash: string,
  range: BodyRange = {},
  info: BodyInfo | undefined = bodyInfo(store, hash),
): Uint8Array | undefined {
  const { offset = 0, length = bodyReadBytesMax } = range;
  invariant(offset >= 0 && length >= 0 && length <= bodyReadBytesMax, 'a body is read in bounded pieces');
  if (info === undefined) return undefined;
  const end = Math.min(info.sizeBytes, offset + length);
  if (offset >= end) return new Uint8Array(0);

  const pieces: Uint8Array[] = [];
  for (let chunk = Math.floor(offset / chunkBytesMax); chunk * chunkBytesMax < end; chunk++) {
    const start = chunk * chunkBytesMax;
    const bytes = readChunk(store, hash, info, chunk);
    pieces.push(bytes.subarray(Math.max(0, offset - start), end - start));
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

function readChunk(
  store: ReadableStore,
  hash: string,
  { number, sizeBytes, sums }: BodyInfo,
  chunk: number,
): Uint8Array {
  const bytes = store.get(bodyKey(number, chunk));
  if (bytes === undefined) throw new RottenRowError(`row ${chunk} of body ${hash} is missing`);
  if (bytes.byteLength !== Math.min(chunkBytesMax, sizeBytes - chunk * chunkBytesMax)) {
    throw new RottenRowError(`row ${chunk} of body ${hash} has a wrong length`);
  }
  if (crc32(bytes) !== sums[chunk]) throw new RottenRowError(`row ${chunk} of body ${hash} fails its checksum`);
  return bytes;
}
