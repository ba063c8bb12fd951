/**
 * How a body (the bytes of a message, or a part of them) lies in rows, by the hash of its bytes.
 *
 * `['r', hash]` names its number. `['b', number, 0]` holds a header and the first bytes, so that a small body is one
 * row; `['b', number, 1]` … hold the rest. Every row is sealed with a checksum of its own, so that a piece can be read and trusted without the whole.
 *
 * Leaves to others: when a body comes and goes (`bodies.ts`).
 */
import { hash } from 'node:crypto';
import { invariant } from '../base/invariant.ts';
import { pack, unpack } from '../codec/codec.ts';
import { decodeRow, encodeRow, openRow, RottenRowError, sealRow } from '../codec/row.ts';
import { below, type KeyPart, keyParts, keyspace, type RowKey, rowKey } from './keys.ts';
import type { ReadableStore } from './layered-store.ts';
import type { StoreOp } from './store.ts';
import { bodyUnreadable } from './store-errors.ts';

/** Bytes of a body in one row: what lets a row with its header fit 16 pages of 4 KiB; 64 KiB would take 17. */
export const chunkBytesMax = 65_280;
/** The most that one `readBody` gives: it runs on the loop. */
export const bodyReadBytesMax = 1_048_576;
const bodyRowVersion = 1;

/** What is known of a stored body without its bytes. */
export interface BodyInfo {
  readonly sizeBytes: number;
  /** Rows that hold it; at least 1. */
  readonly chunks: number;
}

export interface BodyRange {
  /** First byte wanted, from 0. */
  readonly offset?: number;
  /** Bytes wanted, at most `bodyReadBytesMax`; fewer come at the end of the body. */
  readonly length?: number;
}

/** As stored. Codec, key and location have one meaning now; they are named so that more can come (plan §11). */
interface Head {
  readonly size: number;
  readonly chunks: number;
  readonly codec: 'plain';
  /** Key that it is encrypted with. */
  readonly keyId: null;
  readonly location: 'here';
}

/** SHA-256 as base64url: 43 characters. */
export function bodyHash(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url');
}

/** Bodies lie in the order in which they came, so that new ones are written in one piece. @param number from 1 */
export function bodyKey(number: number, chunk: number): RowKey {
  return rowKey([keyspace.body, number, chunk]);
}

/** Says under which number the body of that hash lies. Who needs it stands right below, in the same page. */
export function bodyNumberKey(hash: string): RowKey {
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
function bodyNumber(store: ReadableStore, hash: string): number | undefined {
  const row = store.get(bodyNumberKey(hash));
  return row === undefined ? undefined : (decodeRow(row).value as number);
}

/** @param owner shard, kind, actor key and tag of who needs the body */
export function referenceKey(hash: string, owner: readonly KeyPart[]): RowKey {
  return rowKey([keyspace.bodyReference, hash, ...owner]);
}

/** Puts of all rows of a body. @param hash that of `bytes`, see `bodyHash` */
export function bodyOps(hash: string, number: number, bytes: Uint8Array): StoreOp[] {
  const chunks = Math.max(1, Math.ceil(bytes.byteLength / chunkBytesMax));
  const ops: StoreOp[] = [{ key: bodyNumberKey(hash), value: encodeRow(bodyRowVersion, number) }];
  for (let chunk = 0; chunk < chunks; chunk++) {
    const piece = bytes.subarray(chunk * chunkBytesMax, (chunk + 1) * chunkBytesMax);
    const value =
      chunk === 0
        ? sealRow(bodyRowVersion, packedHead({ sizeBytes: bytes.byteLength, chunks }), piece)
        : sealRow(bodyRowVersion, piece);
    ops.push({ key: bodyKey(number, chunk), value });
  }
  return ops;
}

/** Deletes of all rows of a committed body. Reads none of their bytes: a rotten body can be deleted too. */
export function bodyDeletes(store: ReadableStore, hash: string): StoreOp[] {
  const number = bodyNumber(store, hash);
  if (number === undefined) return [];
  const ops: StoreOp[] = [{ key: bodyNumberKey(hash), value: null }];
  // The rows of a body are written in one batch, so there are no gaps.
  for (let chunk = 0; ; chunk++) {
    const key = bodyKey(number, chunk);
    if (!store.has(key)) return ops;
    ops.push({ key, value: null });
  }
}

/**
 * Undefined when there is no such body.
 * @throws {RottenRowError}
 * @throws {OperationError} bodyUnreadable
 */
export function bodyInfo(store: ReadableStore, hash: string): BodyInfo | undefined {
  const number = bodyNumber(store, hash);
  return number === undefined ? undefined : readFirst(store, hash, number)?.info;
}

/**
 * A piece of a committed body, or undefined when there is no such body.
 * @param info what `bodyInfo` told: spares reading the first row again for each piece
 * @throws {RottenRowError} also when rows of the body are missing or short
 * @throws {OperationError} bodyUnreadable
 */
export function readBody(store: ReadableStore, hash: string, range: BodyRange = {}, info?: BodyInfo): Uint8Array | undefined {
  const { offset = 0, length = bodyReadBytesMax } = range;
  invariant(offset >= 0 && length >= 0 && length <= bodyReadBytesMax, 'a body is read in bounded pieces');
  const number = bodyNumber(store, hash);
  if (number === undefined) return undefined;
  const needsFirst = info === undefined || offset < chunkBytesMax;
  const first = needsFirst ? readFirst(store, hash, number) : undefined;
  const known = info ?? first?.info;
  if (known === undefined) return undefined;
  const end = Math.min(known.sizeBytes, offset + length);
  if (offset >= end) return new Uint8Array(0);

  const pieces: Uint8Array[] = [];
  for (let chunk = Math.floor(offset / chunkBytesMax); chunk * chunkBytesMax < end; chunk++) {
    const start = chunk * chunkBytesMax;
    const bytes = chunk === 0 ? first?.bytes : readRest(store, number, chunk);
    if (bytes === undefined) throw new RottenRowError(`row ${chunk} of body ${hash} is missing`);
    if (bytes.byteLength !== Math.min(chunkBytesMax, known.sizeBytes - start)) {
      throw new RottenRowError(`row ${chunk} of body ${hash} has a wrong length`);
    }
    pieces.push(bytes.subarray(Math.max(0, offset - start), end - start));
  }
  return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
}

/** What stands in front of the bytes in a first row: length of the header in one byte, header. */
function packedHead({ sizeBytes, chunks }: BodyInfo): Uint8Array {
  const head = pack({ size: sizeBytes, chunks, codec: 'plain', keyId: null, location: 'here' } satisfies Head);
  invariant(head.byteLength <= 255, 'the header of a body is short');
  const packed = new Uint8Array(1 + head.byteLength);
  packed[0] = head.byteLength;
  packed.set(head, 1);
  return packed;
}

function readFirst(
  store: ReadableStore,
  hash: string,
  number: number,
): { readonly info: BodyInfo; readonly bytes: Uint8Array } | undefined {
  const row = store.get(bodyKey(number, 0));
  if (row === undefined) return undefined;
  const payload = openRow(row);
  const headEnd = 1 + (payload[0] ?? 0);
  const { size, chunks, codec, keyId, location } = unpack(payload.subarray(1, headEnd)) as Head;
  if (codec !== 'plain' || keyId !== null || location !== 'here') throw bodyUnreadable(hash);
  return { info: { sizeBytes: size, chunks }, bytes: payload.subarray(headEnd) };
}

function readRest(store: ReadableStore, number: number, chunk: number): Uint8Array | undefined {
  const row = store.get(bodyKey(number, chunk));
  return row && openRow(row);
}
