/** The standard streams, as a thing that is handed in: a test reads what a command said. */
import type { Readable, Writable } from 'node:stream';

export interface CliIo {
  /** Results. Settles once the reader has taken it, so that a pipe never makes us hold a whole mailbox. */
  out(chunk: string | Uint8Array): Promise<void>;
  /** Everything that is not a result: errors, notes, progress. */
  err(text: string): void;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly isErrTerminal: boolean;
  /** True when a person can be asked. */
  readonly isInTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function systemIo(): CliIo {
  // `ringpost mailbox list … | head` closes our pipe: that is an end, not an error.
  process.stdout.once('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  return {
    out: (chunk) => write(process.stdout, chunk),
    err: (text) => void process.stderr.write(text),
    stdin: process.stdin as Readable,
    isErrTerminal: process.stderr.isTTY === true,
    isInTerminal: process.stdin.isTTY === true,
    environment: process.env,
  };
}

function write(stream: Writable, chunk: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (stream.write(chunk)) resolve();
    else stream.once('drain', resolve);
  });
}

/** All of standard input, without one final line end. Stops reading at `bytesMax`. */
export async function readSecret(io: CliIo, bytesMax = 4_096): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of io.stdin) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > bytesMax) break;
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Asks a person for a word, when there is one to ask. True when it was given, or when nobody is there. */
export async function isConfirmed(io: CliIo, question: string, word: string): Promise<boolean> {
  if (!io.isInTerminal) return true;
  io.err(`${question} `);
  for await (const chunk of io.stdin) return Buffer.from(chunk).toString('utf8').trim() === word;
  return false;
}
