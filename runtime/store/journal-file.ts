/**
 * The two files of a journal, written in turn: records go into one while what the other holds gets into the tree.
 *
 * Promises: an append settles after `fdatasync`; one is on its way at a time.
 * Leaves to others: what records mean and when the files change places (`journaled-store.ts`).
 */
import { closeSync, existsSync, fdatasync, fsyncSync, openSync, readFileSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Written once with zeros: a file that does not grow costs one flush a sync, and a growing one the file system's own
 * journal as well. A file that needs more grows, and stays so.
 */
const preparedBytesDefault = 8 * 1024 * 1024;
const zeros = Buffer.alloc(1024 * 1024);

export type JournalPart = 0 | 1;
export const otherPart = (part: JournalPart): JournalPart => (part === 0 ? 1 : 0);

export class JournalFiles {
  readonly #files: readonly [number, number];

  constructor(files: readonly [number, number]) {
    this.#files = files;
  }

  append(part: JournalPart, at: number, bytes: Buffer, done: (error: Error | null) => void): void {
    const file = this.#files[part];
    writeWhole(file, bytes, at, (error) => {
      if (error !== null) done(error);
      else fdatasync(file, done);
    });
  }

  /** Not durable before the next append to this file is; it outlives the process at once. */
  writeFront(part: JournalPart, bytes: Buffer): void {
    writeSync(this.#files[part], bytes, 0, bytes.length, 0);
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
  }
}

export const journalPaths = (path: string): readonly [string, string] => [`${path}-1`, `${path}-2`];

export function journalExists(path: string): readonly [boolean, boolean] {
  const [first, second] = journalPaths(path);
  return [existsSync(first), existsSync(second)];
}

/** Blocks; for the start of a node only. Files that are there are left as they are. */
export function makeJournal(path: string, preparedBytes = preparedBytesDefault): void {
  for (const each of journalPaths(path)) {
    if (existsSync(each)) continue;
    const file = openSync(each, 'wx', 0o600);
    try {
      for (let at = 0; at < preparedBytes; at += zeros.length) writeSync(file, zeros, 0, zeros.length, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** All bytes of both files. Blocks; for the start of a node only. */
export function readJournal(path: string): readonly Buffer[] {
  return journalPaths(path).map((each) => readFileSync(each));
}

export function openJournal(path: string): JournalFiles {
  const [first, second] = journalPaths(path);
  return new JournalFiles([openSync(first, 'r+'), openSync(second, 'r+')]);
}

/** A write may be cut short, by a signal or a full disk: then the rest is tried, and says what is wrong. */
function writeWhole(file: number, bytes: Buffer, at: number, done: (error: Error | null) => void): void {
  write(file, bytes, 0, bytes.length, at, (error, written) => {
    if (error !== null) done(error);
    else if (written < bytes.length) writeWhole(file, bytes.subarray(written), at + written, done);
    else done(null);
  });
}
