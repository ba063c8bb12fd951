/**
 * What comes over a lane, taken apart within bounds: a peer may be broken.
 *
 * Promises: bytes that nest too deep, claim more than is there, hold too many values or are of a kind that no frame has are
 * refused by name, in one pass without recursion and before any memory is taken for them.
 * Leaves to others: what frames mean; each speaker looks at every field of its own.
 */
import { unpack } from '../../runtime/codec/codec.ts';
import { messageRefused } from './codes.ts';

export interface MessageBounds {
  readonly bytesMax: number;
  /** Frames in one message. */
  readonly framesMax: number;
  /** Lists in lists in one frame. */
  readonly depthMax: number;
  /** All values of the message, lists included. */
  readonly valuesMax: number;
}

/** @returns the frames in order @throws {OperationError} `messageRefused` */
export function decodeMessage(bytes: Uint8Array, bounds: MessageBounds): readonly unknown[] {
  const frames = decodeValue(bytes, { ...bounds, depthMax: bounds.depthMax + 1 });
  if (!Array.isArray(frames)) throw messageRefused('a message is no list of frames');
  if (frames.length > bounds.framesMax) throw messageRefused(`${frames.length} frames of at most ${bounds.framesMax}`);
  return frames;
}

/** One value that stands alone. @throws {OperationError} `messageRefused` */
export function decodeValue(bytes: Uint8Array, bounds: Omit<MessageBounds, 'framesMax'>): unknown {
  if (bytes.length > bounds.bytesMax) throw messageRefused(`${bytes.length} bytes of at most ${bounds.bytesMax}`);
  checkPacked(bytes, bounds);
  try {
    return unpack(bytes);
  } catch (error) {
    // The shape is sound, so this is a key that is no text: a peer's fault, and ours at most in `checkPacked`.
    throw messageRefused(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Walks the values without making them (the MessagePack specification, "Formats"). Extensions are refused but the one
 * that stands for `undefined`: no frame has dates, sets or errors, and some kinds would define code.
 */
function checkPacked(bytes: Uint8Array, bounds: { readonly depthMax: number; readonly valuesMax: number }): void {
  const { length } = bytes;
  /** Of each list that is open: values still to come. */
  const left: number[] = [1];
  let at = 0;
  let values = 0;
  for (;;) {
    while (left[left.length - 1] === 0) left.pop();
    if (left.length === 0) break;
    left[left.length - 1]!--;
    if (at >= length) throw messageRefused('it ends too early');
    if (++values > bounds.valuesMax) throw messageRefused(`more than ${bounds.valuesMax} values`);
    const head = bytes[at++]!;
    if (head < 0x80 || head >= 0xe0) continue;
    if (!isList(head)) {
      at += sizeBehind(bytes, at, head);
      continue;
    }
    const inside = countInside(bytes, at, head);
    at += head < 0xa0 ? 0 : head % 2 === 0 ? 2 : 4;
    // Each value is a byte at least: a list that claims more than is there is refused before it is believed.
    if (inside > length - at) throw messageRefused(`a list of ${inside} values in ${length} bytes`);
    if (left.length > bounds.depthMax) throw messageRefused(`lists in lists, more than ${bounds.depthMax} deep`);
    left.push(inside);
  }
  if (at !== length) throw messageRefused(at > length ? 'it ends too early' : 'something follows its end');
}

/** Arrays and maps. */
const isList = (head: number): boolean => head < 0xa0 || head >= 0xdc;

function countInside(bytes: Uint8Array, at: number, head: number): number {
  if (head < 0x90) return (head & 0x0f) * 2;
  if (head < 0xa0) return head & 0x0f;
  const count = numberAt(bytes, at, head % 2 === 0 ? 2 : 4);
  return head >= 0xde ? count * 2 : count;
}

/** Of a value that holds no others: bytes behind its head. */
function sizeBehind(bytes: Uint8Array, at: number, head: number): number {
  if (head < 0xc0) return head & 0x1f;
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return 0;
    case 0xcc:
    case 0xd0:
      return 1;
    case 0xcd:
    case 0xd1:
      return 2;
    case 0xca:
    case 0xce:
    case 0xd2:
      return 4;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return 8;
    case 0xc4:
    case 0xd9:
      return 1 + numberAt(bytes, at, 1);
    case 0xc5:
    case 0xda:
      return 2 + numberAt(bytes, at, 2);
    case 0xc6:
    case 0xdb:
      return 4 + numberAt(bytes, at, 4);
    case 0xd4:
      if (bytes[at] === 0) return 2;
      break;
  }
  throw messageRefused(`a value of kind 0x${head.toString(16)}`);
}

/** Big-endian; bytes that are not there count as 0, and the walk ends soon behind them. */
function numberAt(bytes: Uint8Array, at: number, size: number): number {
  let number = 0;
  for (let i = 0; i < size; i++) number = number * 256 + (bytes[at + i] ?? 0);
  return number;
}
