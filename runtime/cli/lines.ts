/** The lines of a file, or of standard input where the name is `-`, one by one. */
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
