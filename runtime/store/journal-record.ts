/**
 * What a file of the journal holds: in front, how far its records are acknowledged; behind `firstRecordAt`, records, each
 * the ops of one durable write.
 *
 *     magic 4 | crc32 of all behind it 4 | journal id 8 | sequence 8 | payload bytes 4 | ops 4 | payload | zeros to 512
 *     an op:  key bytes 2 | value bytes + 1, or 0 for a deletion 4 | key | value
 *
 * Little-endian. A record begins at a multiple of `alignBytes`, so that one behind a damaged one is found. The id is drawn
 * by chance when a journal is made and told to nobody: nothing that a mail holds can pass for a record.
 *
 * Promises: what decodes is what was encoded, in this journal.
 * Leaves to others: files (`journal-file.ts`), what a hole means (`journal-recovery.ts`).
 */
import { crc32 } from 'node:zlib';
import type { RowKey } from './keys.ts';
import type { StoreOp } from './store.ts';

export const alignBytes = 512;
/** A page of its own: what is acknowledged is written often, and a torn page must not take a record with it. */
export const firstRecordAt = 4096;
const magic = 0x31_4a_50_52;
const acknowledgedMagic = 0x32_4a_50_52;
const acknowledgedBytes = 24;
const headerBytes = 32;
const summedFrom = 8;
const opHeaderBytes = 6;
const wordBits = 2 ** 32;

export interface JournalRecord {
  readonly sequence: number;
  /** Values are views of the bytes that were read. */
  readonly ops: readonly StoreOp[];
  /** With its padding. */
  readonly bytes: number;
}

/** Room that a record of these ops takes, with its padding. */
export function recordBytes(ops: readonly StoreOp[]): number {
  let bytes = headerBytes;
  for (const { key, value } of ops) bytes += opHeaderBytes + key.length + (value?.byteLength ?? 0);
  return Math.ceil(bytes / alignBytes) * alignBytes;
}

/**
 * Fills `target`, which has `recordBytes(ops)` bytes.
 * @param id 8 bytes
 * @returns the same ops with values that are views of `target`
 */
export function encodeRecord(target: Buffer, id: Uint8Array, sequence: number, ops: readonly StoreOp[]): StoreOp[] {
  const kept: StoreOp[] = [];
  let at = headerBytes;
  for (const { key, value } of ops) {
    target.writeUInt16LE(key.length, at);
    target.writeUInt32LE(value === null ? 0 : value.byteLength + 1, at + 2);
    at += opHeaderBytes;
    at += target.write(key, at, 'latin1');
    if (value === null) {
      kept.push({ key, value });
      continue;
    }
    target.set(value, at);
    kept.push({ key, value: target.subarray(at, at + value.byteLength) });
    at += value.byteLength;
  }
  target.writeUInt32LE(magic, 0);
  target.set(id, 8);
  writeSequence(target, sequence, 16);
  target.writeUInt32LE(at - headerBytes, 24);
  target.writeUInt32LE(ops.length, 28);
  target.writeUInt32LE(crc32(target.subarray(summedFrom, at)), 4);
  target.fill(0, at);
  return kept;
}

/** The record at `at`; null when there is none of this journal, or one that is not whole. */
export function decodeRecord(source: Buffer, at: number, id: Uint8Array): JournalRecord | null {
  if (at + headerBytes > source.length || source.readUInt32LE(at) !== magic) return null;
  if (source.compare(id, 0, id.length, at + 8, at + 16) !== 0) return null;
  const payloadBytes = source.readUInt32LE(at + 24);
  const end = at + headerBytes + payloadBytes;
  if (end > source.length || crc32(source.subarray(at + summedFrom, end)) !== source.readUInt32LE(at + 4)) return null;
  const sequence = readSequence(source, at + 16);
  const bytes = Math.ceil((end - at) / alignBytes) * alignBytes;
  return { sequence, ops: decodeOps(source, at + headerBytes, source.readUInt32LE(at + 28)), bytes };
}

/** All records up to `sequence` were durable, and somebody was told so. For the front of a file. */
export function encodeAcknowledged(target: Buffer, id: Uint8Array, sequence: number): Buffer {
  target.writeUInt32LE(acknowledgedMagic, 0);
  target.set(id, 8);
  writeSequence(target, sequence, 16);
  target.writeUInt32LE(crc32(target.subarray(summedFrom, acknowledgedBytes)), 4);
  return target.subarray(0, acknowledgedBytes);
}

/** 0 when it says nothing of this journal: it is written without a flush, so a power loss may leave an older one or none. */
export function decodeAcknowledged(source: Buffer, id: Uint8Array): number {
  if (source.length < acknowledgedBytes || source.readUInt32LE(0) !== acknowledgedMagic) return 0;
  if (source.compare(id, 0, id.length, 8, 16) !== 0) return 0;
  if (crc32(source.subarray(summedFrom, acknowledgedBytes)) !== source.readUInt32LE(4)) return 0;
  return readSequence(source, 16);
}

function writeSequence(target: Buffer, sequence: number, at: number): void {
  target.writeUInt32LE(sequence % wordBits, at);
  target.writeUInt32LE(Math.floor(sequence / wordBits), at + 4);
}

function readSequence(source: Buffer, at: number): number {
  return source.readUInt32LE(at) + source.readUInt32LE(at + 4) * wordBits;
}

function decodeOps(source: Buffer, from: number, count: number): StoreOp[] {
  const ops: StoreOp[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    const keyEnd = at + opHeaderBytes + source.readUInt16LE(at);
    const marked = source.readUInt32LE(at + 2);
    const key = source.toString('latin1', at + opHeaderBytes, keyEnd) as RowKey;
    at = marked === 0 ? keyEnd : keyEnd + marked - 1;
    ops.push({ key, value: marked === 0 ? null : source.subarray(keyEnd, at) });
  }
  return ops;
}
