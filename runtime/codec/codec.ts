/** How values become bytes: the only importer of msgpackr. */
import { Packr, RESERVE_START_SPACE } from 'msgpackr';

/**
 * `useRecords: false`: every value stands alone, readable without what was packed before it.
 * `copyBuffers: true`: an unpacked byte string never points into a page of the store, which a later transaction may reuse.
 */
const packr = new Packr({ useRecords: false, copyBuffers: true, variableMapSize: true });

/** Small values share a buffer of this size, each its own stretch of it. */
const sharedBytes = 16 * 1024;
/** What `packAgain` keeps for its next call. */
const keptBytesMax = 8 * 1024 * 1024;

/** What large values are packed into again and again: one for each who writes, since its bytes must stay until they are written. */
export class PackBuffer {
  bytes = Buffer.allocUnsafeSlow(256 * 1024);
}

const sharedBuffer = new PackBuffer();

/** Packs a plain value (objects, arrays, strings, numbers, booleans, null, Uint8Array). */
export function pack(value: unknown): Uint8Array {
  return packBehind(0, value);
}

/** As `pack`, with `room` bytes (up to 255) in front of the value for the caller to fill: so a header costs no copy. */
export function packBehind(room: number, value: unknown): Uint8Array {
  const packed = packr.pack(value, RESERVE_START_SPACE | room);
  if (packed.buffer.byteLength <= sharedBytes) return packed;
  // msgpackr would go on in what its buffer grew to, and a few bytes would keep all of it.
  shareAnew();
  return Buffer.from(packed);
}

/**
 * As `packBehind`, for large values made one after another: the bytes are overwritten by the next call with that buffer. In
 * one of its own each would fault its pages in anew, which costs more than filling them.
 */
export function packAgain(room: number, value: unknown, into: PackBuffer = sharedBuffer): Uint8Array {
  packr.useBuffer(into.bytes);
  try {
    const packed = packr.pack(value, RESERVE_START_SPACE | room);
    const { buffer } = packed;
    const isOther = buffer !== into.bytes.buffer;
    if (isOther && buffer.byteLength <= keptBytesMax) into.bytes = Buffer.from(buffer as ArrayBuffer);
    return packed;
  } finally {
    shareAnew();
  }
}

/** @throws RangeError or Error on bytes that are no packed value */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

function shareAnew(): void {
  packr.useBuffer(Buffer.allocUnsafeSlow(sharedBytes));
}

shareAnew();
