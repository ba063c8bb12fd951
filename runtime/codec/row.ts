/**
 * A stored row: `[crc32 of the rest, 4 bytes big-endian][version, 1 byte][msgpack]`.
 *
 * LMDB has no checksums, so each row carries one; a version lets an old row be upgraded when it is read (plan §11).
 */
import { crc32 } from 'node:zlib';
import { type PackBuffer, packAgain, packBehind, unpack } from './codec.ts';

export const rowHeaderBytes = 5;

/** A row whose bytes are not what was written: a rotten disk or a bug. The caller decides how far the damage reaches. */
export class RottenRowError extends Error {
  override readonly name = 'RottenRowError';
}

export interface Row {
  readonly version: number;
  readonly value: unknown;
}

/** @param version 0 … 255 */
export function encodeRow(version: number, value: unknown): Uint8Array {
  return seal(version, packBehind(rowHeaderBytes, value));
}

/** As `encodeRow`, for large rows made one after another: the bytes are overwritten by the next call with that buffer. */
export function encodeRowAgain(version: number, value: unknown, into?: PackBuffer): Uint8Array {
  return seal(version, packAgain(rowHeaderBytes, value, into));
}

/** Fills the header in front of what was packed. */
function seal(version: number, row: Uint8Array): Uint8Array {
  row[4] = version;
  const sum = crc32(row.subarray(4));
  row[0] = sum >>> 24;
  row[1] = sum >>> 16;
  row[2] = sum >>> 8;
  row[3] = sum;
  return row;
}

/** @throws {RottenRowError} */
export function decodeRow(row: Uint8Array): Row {
  const payload = openRow(row);
  try {
    return { version: row[4] as number, value: unpack(payload) };
  } catch (cause) {
    throw new RottenRowError('a row with a good checksum does not unpack', { cause });
  }
}

/** The payload of a row, as a view of its bytes. @throws {RottenRowError} */
export function openRow(row: Uint8Array): Uint8Array {
  if (row.byteLength < rowHeaderBytes) throw new RottenRowError(`a row of ${row.byteLength} bytes is too short`);
  const stored = ((row[0]! << 24) | (row[1]! << 16) | (row[2]! << 8) | row[3]!) >>> 0;
  if (crc32(row.subarray(4)) !== stored) throw new RottenRowError('the checksum of a row does not match its bytes');
  return row.subarray(rowHeaderBytes);
}
