/**
 * Plants a mutant into a process that runs seeds: when a source file is loaded, one exact piece of its text is replaced by
 * another. Given to Node by `--import`; nothing of it is in the program.
 *
 * Promises: a piece that is not there exactly once stops the process, so that a mutant never passes for planted.
 */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Edit, mutants } from './mutants.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const left = new Map<string, Edit[]>();

/** Edits whose file was not loaded. */
export function unplanted(): string[] {
  return [...left.values()].flat().map(({ file }) => file);
}

function plant(name: string): void {
  const mutant = mutants.find((each) => each.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant called "${name}"`);
  for (const edit of mutant.edits) {
    const url = pathToFileURL(join(root, edit.file)).href;
    left.set(url, [...(left.get(url) ?? []), edit]);
  }
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const edits = left.get(url);
      if (edits === undefined) return loaded;
      left.delete(url);
      let source = Buffer.from(loaded.source as Uint8Array).toString();
      for (const edit of edits) source = planted(source, edit);
      return { ...loaded, source };
    },
  });
}

export function planted(source: string, { file, find, put }: Edit): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times, not once: ${find}`);
  // As a function, since `$` means something in a text.
  return source.replace(find, () => put);
}

const name = process.env['SIM_MUTANT'];
if (name !== undefined && name !== '') plant(name);
