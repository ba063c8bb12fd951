/**
 * Frames on a stream of bytes: four bytes of length, one of lane, a packed value.
 *
 * Leaves to others: what a frame means, and what a peer may send (nodes of one bench trust each other).
 */
import { Buffer } from 'node:buffer';
import type { Frame, Lane } from '../../cluster/mesh/transport.ts';
import { packBehind, unpack } from '../../runtime/codec/codec.ts';

const lanes: readonly Lane[] = ['control', 'log', 'bulk'];
const headBytes = 5;

export function packFrame(lane: Lane, frame: Frame): Uint8Array {
  const packed = packBehind(headBytes, frame);
  const view = new DataView(packed.buffer, packed.byteOffset, headBytes);
  view.setUint32(0, packed.length - headBytes);
  view.setUint8(4, lanes.indexOf(lane));
  return packed;
}

/** Puts together again what a stream cut anywhere. */
export class FrameReader {
  readonly #received: (lane: Lane, frame: Frame) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(received: (lane: Lane, frame: Frame) => void) {
    this.#received = received;
  }

  take(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + bytes.readUInt32BE(at);
      if (bytes.length < end) break;
      this.#received(lanes[bytes[at + 4]!]!, unpack(bytes.subarray(at + headBytes, end)));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}
