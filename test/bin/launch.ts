/** Starting `bin/ringpost.mjs` from a tree of the test's own, under whichever Node, and reading how it ended. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly errors: string;
}

/** The machine's own Node, when it is one that hands over; null when there is none older than 24. */
export function olderNode(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const program = folders.map((folder) => join(folder, 'node')).find((path) => existsSync(path));
  if (program === undefined) return null;
  const major = /^v(\d+)\./.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  return major !== undefined && Number(major) < 24 ? program : null;
}

/** A tree with `bin/ringpost.mjs` and `files` (path -> text), gone after the test. Returns the path of the command. */
export function tree(t: TestContext, folder: string, files: Readonly<Record<string, string>>): string {
  const top = mkdtempSync(join(tmpdir(), 'ringpost-bin-'));
  t.after(() => rmSync(top, { recursive: true }));
  const command = join(top, folder, 'bin/ringpost.mjs');
  mkdirSync(dirname(command), { recursive: true });
  copyFileSync(join(root, 'bin/ringpost.mjs'), command);
  for (const [path, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    const file = join(top, folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return command;
}

/** Gives the tree of `command` the packages of this repository, the bundled Node among them. */
export function linkPackages(command: string): void {
  symlinkSync(join(root, 'node_modules'), join(dirname(dirname(command)), 'node_modules'));
}

export function launch(node: string, command: string, ...args: readonly string[]): ChildProcess {
  return spawn(node, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

export async function ending(child: ChildProcess): Promise<Ending> {
  let [out, errors] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  return { code, signal, out, errors };
}
