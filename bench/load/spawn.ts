/** Starting the load generator in its own process, and reading what it found. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { nodeProgram } from '../peers/child.ts';
import type { LoadOptions, LoadResult } from './generator.ts';

const loadEntry = fileURLToPath(new URL('./main.ts', import.meta.url));

/**
 * @returns the result also when mails failed: whoever asked decides (`failures`)
 * @throws {Error} when the generator itself broke
 */
export async function spawnLoad(options: Partial<LoadOptions>): Promise<LoadResult> {
  const child = spawn(nodeProgram(), [loadEntry], { stdio: 'pipe' });
  // Not as an argument: Linux ends one at 128 KiB, which is some thousand recipients.
  child.stdin.on('error', () => undefined).end(JSON.stringify(options));
  let out = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (out === '') throw new Error(`the load generator ended with ${code} and no result: ${errors.trim()}`);
  return JSON.parse(out) as LoadResult;
}

/** @throws {Error} when a single mail was not answered as it should be: such a number is worth nothing */
export function mustBeClean(server: string, result: LoadResult): LoadResult {
  if (result.failures === 0) return result;
  throw new Error(`${server}: ${result.failures} failures under load, first: ${result.failureTexts.join(' | ')}`);
}
