/**
 * Several mails in one request or answer: each a small JSON head and its bytes.
 *
 *     4 bytes length of the head, big-endian | head, JSON with "sizeBytes" | that many bytes | the next …
 */
import { refused } from '../../runtime/base/errors.ts';

/** Facts of one mail; a head is never near this. */
const headBytesMax = 64 * 1024;
/** As `admin-api.ts` bounds a request. */
const frameBytesMax = 256 * 1024 * 1024;

export interface Frame<Head> {
  readonly head: Head;
  /** Has an ArrayBuffer of its own, so that it can be transferred between threads. */
  readonly bytes: Uint8Array;
}

export function encodeFrameHead(head: object, sizeBytes: number): Uint8Array {
  const json = Buffer.from(JSON.stringify({ ...head, sizeBytes }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json]);
}

/** @throws {OperationError} `badFrame` when the bytes end within a frame or are none */
export async function* decodeFrames<Head>(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Frame<Head>, void, undefined> {
  const input = new ByteQueue(chunks);
  for (;;) {
    const length = await input.take(4);
    if (length === null) return;
    const headBytes = Buffer.from(length).readUInt32BE();
    const head = headBytes > headBytesMax ? null : await input.take(headBytes);
    if (head === null) throw badFrame();
    const { sizeBytes, ...facts } = JSON.parse(Buffer.from(head).toString('utf8')) as { readonly sizeBytes: number };
    const isSize = Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= frameBytesMax;
    const bytes = isSize ? await input.take(sizeBytes) : null;
    if (bytes === null) throw badFrame();
    yield { head: facts as Head, bytes };
  }
}

const badFrame = () =>
  refused('badFrame', 'the bytes are no frames of mails. Cure: use a ringpost command of the same version as the node');

class ByteQueue {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  /** Exactly so many bytes; null when all is read, or when less is left. */
  async take(count: number): Promise<Uint8Array | null> {
    const out = new Uint8Array(count);
    let filled = 0;
    while (filled < count) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done === true) return null;
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, count - filled);
      out.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    return out;
  }
}
