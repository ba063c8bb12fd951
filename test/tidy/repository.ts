/**
 * The repository as the rules see it: every file that git tracks or would add, read once.
 *
 * Leaves to others: what the text of a source means (`syntax.ts`).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Repository {
  /** By path. */
  readonly files: readonly SourceFile[];
}

/** The folders that hold code of ours. */
const rooms = ['runtime', 'actors', 'cluster', 'bench', 'test', 'bin'];
const root = fileURLToPath(new URL('../../', import.meta.url));

export function readRepository(): Repository {
  const paths = existsSync(join(root, '.git')) ? pathsFromGit() : pathsOnDisk('');
  // What is deleted and not yet committed is still listed.
  const present = paths.filter((path) => existsSync(join(root, path)));
  return { files: present.sort().map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })) };
}

function pathsFromGit(): string[] {
  // A checkout may belong to another user (a CI container): git would refuse to read it.
  const git = ['-c', 'safe.directory=*', 'ls-files', '-co', '--exclude-standard', '-z'];
  const listed = execFileSync('git', git, { cwd: root, encoding: 'utf8' });
  return listed.split('\0').filter((path) => path !== '');
}

/** For a source archive, which has no `.git`. */
function pathsOnDisk(folder: string): string[] {
  const left = new Set(['node_modules', 'dist', 'coverage', 'data/']);
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}${entry.name}`;
    if (left.has(path) || left.has(`${path}/`)) return [];
    return entry.isDirectory() ? pathsOnDisk(`${path}/`) : [path];
  });
}

/** Files in the rooms, without the data of tests: their names and texts are what a test needs. */
export function filesOfRooms(repository: Repository): SourceFile[] {
  return repository.files.filter(
    (file) => rooms.includes(file.path.split('/')[0] as string) && !file.path.startsWith('test/data/'),
  );
}

/** Code, in all rooms. */
export function codeFiles(repository: Repository): SourceFile[] {
  return filesOfRooms(repository).filter((file) => /\.(ts|mjs)$/.test(file.path));
}

/** Code that runs in production. */
export function productFiles(repository: Repository): SourceFile[] {
  return codeFiles(repository).filter((file) => !/^(test|bench)\//.test(file.path));
}

/** Whether `path` is the file `place`, or lies in it when it is a folder (it then ends with `/`). */
export function isIn(path: string, place: string): boolean {
  return place.endsWith('/') ? path.startsWith(place) : path === place;
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** Every match of `pattern` (global) in `file`, with its line. */
export function matches(file: SourceFile, pattern: RegExp): { readonly line: number; readonly text: string }[] {
  return [...file.text.matchAll(pattern)].map((match) => ({ line: lineAt(file.text, match.index), text: match[0] }));
}
