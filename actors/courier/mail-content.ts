/**
 * The bytes of one mail on their way out: prefix and body, whole where they are small, in pieces where they are not.
 *
 * Promises: of a large body two pieces are in memory at a time.
 */
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { Job } from '../delivery-domain/protocol.ts';
import { has8Bit } from './wire-bytes.ts';

export interface MailContent {
  readonly sizeBytes: number;
  /** Of a body that is not looked at as a whole it is not known, and BODY=8BITMIME is then true in any case. */
  readonly has8Bit: boolean;
  /** Piece by piece. @throws {OperationError} when the body cannot be read */
  pieces(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** @throws {OperationError} when the body cannot be read */
export async function openContent(core: CoreApi, { prefix, body }: Job, pieceBytes: number): Promise<MailContent> {
  const sizeBytes = prefix.byteLength + body.sizeBytes;
  if (body.sizeBytes <= pieceBytes) {
    const bytes = await core.readBody(body.hash);
    return { sizeBytes, has8Bit: has8Bit(bytes) || has8Bit(prefix), pieces: () => [prefix, bytes] };
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield prefix;
    const read = (offset: number): Promise<Uint8Array> => {
      const bytes = core.readBody(body.hash, { offset, length: Math.min(pieceBytes, body.sizeBytes - offset) });
      // Waited for only when it is wanted: until then a failure is nobody's.
      bytes.catch(() => {});
      return bytes;
    };
    let next = read(0);
    for (let offset = 0; offset < body.sizeBytes; offset += pieceBytes) {
      const piece = await next;
      if (offset + pieceBytes < body.sizeBytes) next = read(offset + pieceBytes);
      yield piece;
    }
  }
  return { sizeBytes, has8Bit: true, pieces };
}
