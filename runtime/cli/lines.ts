/** A file that a user named, or standard input where the name is `-`: line by line, or whole. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { badFile } from './codes.ts';
import type { CliIo } from './io.ts';

/** @throws {OperationError} `badFile` when it cannot be read */
export async function* readLines(path: string, io: CliIo): AsyncGenerator<string, void, undefined> {
  const input = path === '-' ? Readable.from(io.stdin) : createReadStream(path);
  let failure: Error | null = null;
  // readline does not pass its input's error on.
  input.once('error', (error: Error) => {
    failure = error;
    lines.close();
  });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  yield* lines;
  if (failure !== null) throw badFile(path, (failure as Error).message);
}

/** @throws {OperationError} `badFile` when it cannot be read, or has more than `bytesMax` */
export async function readWhole(path: string, io: CliIo, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of path === '-' ? io.stdin : createReadStream(path)) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).byteLength;
      if (size > bytesMax) break;
    }
  } catch (error) {
    throw badFile(path, (error as Error).message);
  }
  if (size > bytesMax) throw badFile(path, `it has more than ${bytesMax} bytes`);
  return Buffer.concat(chunks);
}
