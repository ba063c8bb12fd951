/** The bytes of a request under a limit: whoever sends more is refused before it is in memory. */
import { refused } from '../../../runtime/base/errors.ts';

/**
 * @param watch told of the bytes of each piece as it comes; what it throws ends the reading
 * @throws {OperationError} `requestTooLarge`
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  watch: (bytes: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = refused('requestTooLarge', `a request has at most ${bytesMax} bytes. Cure: send it in parts`);
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge;
  if (request.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > bytesMax) throw tooLarge;
    watch(chunk.byteLength);
    chunks.push(chunk);
  }
  return joined(chunks, size);
}

/** Over a buffer of its own, so that it can be handed to another thread. */
function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
