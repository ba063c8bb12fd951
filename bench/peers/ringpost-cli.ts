/** One run of the `ringpost` command. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nodeProgram, repositoryRoot } from './child.ts';

const runMsMax = 60_000;
const outputBytesMax = 64 * 1024 * 1024;

export const ringpostProgram = join(repositoryRoot, 'bin/ringpost.mjs');

/** @returns what it printed @throws {Error} with what it said on stderr, when it does not end with 0 */
export async function ringpostCli(words: readonly string[]): Promise<string> {
  const options = { cwd: repositoryRoot, timeout: runMsMax, maxBuffer: outputBytesMax };
  const { stdout } = await promisify(execFile)(nodeProgram(), [ringpostProgram, ...words], options);
  return stdout;
}
