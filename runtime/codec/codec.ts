/** How values become bytes: the only importer of msgpackr. */
import { Packr } from 'msgpackr';

/**
 * `useRecords: false`: every value stands alone, readable without what was packed before it.
 * `copyBuffers: true`: an unpacked byte string never points into a page of the store, which a later transaction may reuse.
 */
const packr = new Packr({ useRecords: false, copyBuffers: true, variableMapSize: true });

/** Packs a plain value (objects, arrays, strings, numbers, booleans, null, Uint8Array). */
export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** @throws RangeError or Error on bytes that are no packed value */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
