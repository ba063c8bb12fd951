/** The bytes of a request under a limit: whoever sends more is refused before it is in memory. */
import { refused } from '../../../runtime/base/errors.ts';

/** @throws {OperationError} `requestTooLarge` */
export async function readBody(request: Request, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = refused('requestTooLarge', `a request has at most ${bytesMax} bytes. Cure: send it in parts`);
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge;
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > bytesMax) throw tooLarge;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
