/** The command line of `npm run cluster`. */
import { parseArgs } from 'node:util';
import { type LayoutOptions, offsetMax } from './layout.ts';

export const usage = `npm run cluster -- [options]

Three nodes on this machine, with three copies of each mail: made the first time, started again after that.
Ctrl-C stops all.

  --data DIR       where they keep everything, each in a directory of its own (./data)
  --offset N       added to each port: 2525.. SMTP, 2587.. submission, 8025.. HTTP, 2580.. between the nodes (0)`;

export class UsageError extends Error {}

/** Null: help was asked for. @throws {UsageError} */
export function parseOptions(words: readonly string[]): LayoutOptions | null {
  const { data, offset, help } = wordsOf(words);
  if (help === true) return null;
  const number = /^\d{1,5}$/.test(offset ?? '0') ? Number(offset ?? '0') : Number.NaN;
  if (!(number <= offsetMax)) throw new UsageError(`--offset is a number up to ${offsetMax}, not "${offset}"`);
  return { directory: data ?? './data', offset: number };
}

function wordsOf(words: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean', short: 'h' } as const;
    return parseArgs({ args: [...words], options: { data: text, offset: text, help: flag } }).values;
  } catch (error) {
    // It says which word is wrong.
    throw new UsageError((error as Error).message, { cause: error });
  }
}
