/**
 * Frames of one loop turn on their way into one message: `[frame, frame, …]`.
 *
 * Promises: a frame is packed when it is added, so whoever sent it is done with it; one that goes alone
 * is not copied again.
 */
import { packAgain, packBehind, PackBuffer } from '../../runtime/codec/codec.ts';

/** In front of each packed frame: the head of the list, where it goes alone. */
const room = 1;
/** A head is at most this. */
const headBytesMax = 5;

export class FrameBatch {
  #packed: Uint8Array[] = [];
  #bytes = 0;

  get count(): number {
    return this.#packed.length;
  }

  /** As `take` would give it, within some bytes. */
  get bytes(): number {
    return this.#packed.length === 0 ? 0 : this.#bytes + headBytesMax;
  }

  add(packed: PackedFrame): void {
    this.#packed.push(packed.behindRoom);
    this.#bytes += packed.bytes;
  }

  /** The message; the batch is empty again. There must be a frame in it. */
  take(): Uint8Array {
    const packed = this.#packed;
    const bytes = this.#bytes;
    this.#packed = [];
    this.#bytes = 0;
    if (packed.length === 1) {
      const alone = packed[0]!;
      alone[0] = 0x91;
      return alone;
    }
    const message = Buffer.allocUnsafe(headBytesMax + bytes);
    let at = writeHead(message, packed.length);
    for (const frame of packed) {
      message.set(frame.subarray(room), at);
      at += frame.length - room;
    }
    return message.subarray(0, at);
  }
}

export interface PackedFrame {
  readonly behindRoom: Uint8Array;
  readonly bytes: number;
}

/** All lanes share it: what is packed into it is copied out at once. */
const scratch = new PackBuffer();
/** From here on filling the same memory again and copying out of it costs half of what new memory does, or less. */
const largeBytes = 4 * 1024;

/** Packs the frames of one lane: one that follows a large one is likely large too. */
export class FramePacker {
  #lastBytes = 0;

  pack(frame: unknown): PackedFrame {
    const behindRoom = this.#lastBytes < largeBytes ? packBehind(room, frame) : copyOf(packAgain(room, frame, scratch));
    this.#lastBytes = behindRoom.length;
    return { behindRoom, bytes: behindRoom.length - room };
  }
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Of a list of `count` (the MessagePack specification, "Array format family"). */
function writeHead(into: Buffer, count: number): number {
  if (count < 16) return into.writeUInt8(0x90 | count, 0);
  into.writeUInt8(0xdc, 0);
  return into.writeUInt16BE(count, 1);
}
