/** Opens what is to be imported: an mbox file, a Maildir with its folders, an .eml file or a directory of them. */
import { createReadStream, type Dirent, promises as files } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { badFile } from '../../../runtime/cli/codes.ts';
import { unknownFormat } from '../codes.ts';
import { type FileMessage, headerDateMs, withCrlf } from './file-message.ts';
import { folderOfMaildir, parseMaildirFlags, unescapePart } from './maildir.ts';
import { readMbox } from './mbox.ts';

export const mailFormats = ['mbox', 'maildir', 'eml'] as const;
export type MailFormat = (typeof mailFormats)[number];

const directoryDepthMax = 32;

/** @throws {OperationError} `badFile`, `unknownFormat` */
export async function detectFormat(path: string): Promise<MailFormat> {
  const stat = await files.stat(path).catch((error: Error) => {
    throw badFile(path, error.message);
  });
  if (!stat.isDirectory()) {
    if (/\.eml$/i.test(path)) return 'eml';
    if (await beginsAsMbox(path)) return 'mbox';
    throw unknownFormat(path);
  }
  const names = new Set(await files.readdir(path));
  if (names.has('cur') || names.has('new')) return 'maildir';
  for (const name of await filesBelow(path)) {
    if (/\.eml$/i.test(name)) return 'eml';
    if (/\.mbox$/i.test(name)) return 'mbox';
  }
  throw unknownFormat(path);
}

async function beginsAsMbox(path: string): Promise<boolean> {
  const handle = await files.open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(5), 0, 5, 0);
    return bytesRead === 0 || buffer.toString('latin1') === 'From ';
  } finally {
    await handle.close();
  }
}

/** Every mail of a path. @throws {OperationError} `badFile` */
export async function* readMail(path: string, format: MailFormat): AsyncGenerator<FileMessage, void, undefined> {
  try {
    if (format === 'mbox') yield* readMboxes(path);
    else if (format === 'maildir') yield* readMaildir(path);
    else yield* readEmls(path);
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw badFile(path, error.message);
    throw error;
  }
}

/** One file, or a directory of `Work/2024.mbox` as an export writes it. */
async function* readMboxes(path: string): AsyncGenerator<FileMessage, void, undefined> {
  const isDirectory = (await files.stat(path)).isDirectory();
  const paths = isDirectory ? (await filesBelow(path)).filter((name) => /\.mbox$/i.test(name)) : [path];
  for (const [i, one] of paths.entries()) {
    const folder = isDirectory ? folderOfPath(relative(path, one).replace(/\.mbox$/i, '')) : null;
    const { size } = await files.stat(one);
    for await (const message of readMbox(createReadStream(one), one, size)) {
      yield { ...message, folder, share: (i + message.share) / paths.length };
    }
  }
}

/** Maildir names begin with the seconds of their delivery, so this is the order of arrival. */
const byTime = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

async function* readMaildir(path: string): AsyncGenerator<FileMessage, void, undefined> {
  const found: { readonly file: string; readonly folder: string | null }[] = [];
  const collect = async (directory: string, folder: string | null): Promise<void> => {
    for (const state of ['cur', 'new']) {
      const names = await files.readdir(join(directory, state)).catch(() => []);
      for (const name of names.sort(byTime))
        if (!name.startsWith('.')) found.push({ file: join(directory, state, name), folder });
    }
  };
  await collect(path, null);
  for (const entry of await directoriesOf(path)) {
    const folder = folderOfMaildir(entry.name);
    if (folder !== null) await collect(join(path, entry.name), folder);
  }
  for (const [i, { file, folder }] of found.entries()) {
    const [bytes, stat] = await Promise.all([files.readFile(file), files.stat(file)]);
    const flags = parseMaildirFlags(basename(file));
    yield { folder, bytes: withCrlf(bytes), flags, dateMs: Math.floor(stat.mtimeMs), share: (i + 1) / found.length };
  }
}

async function* readEmls(path: string): AsyncGenerator<FileMessage, void, undefined> {
  const isDirectory = (await files.stat(path)).isDirectory();
  const paths = isDirectory ? (await filesBelow(path)).filter((name) => /\.eml$/i.test(name)) : [path];
  for (const [i, one] of paths.entries()) {
    const bytes = withCrlf(await files.readFile(one));
    const directory = relative(path, join(one, '..'));
    const folder = isDirectory && directory !== '' ? folderOfPath(directory) : null;
    // A file's own time is when it was downloaded, more often than when the mail arrived.
    const dateMs = headerDateMs(bytes) ?? Math.floor((await files.stat(one)).mtimeMs);
    yield { folder, bytes, flags: [], dateMs, share: (i + 1) / paths.length };
  }
}

const folderOfPath = (path: string): string => path.split(sep).map(unescapePart).join('/');

async function directoriesOf(path: string): Promise<Dirent[]> {
  const entries = await files.readdir(path, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Paths of all files below, in an order that puts 9 before 10. Links are not followed. */
async function filesBelow(path: string, depth = 0): Promise<string[]> {
  if (depth > directoryDepthMax) return [];
  const entries = await files.readdir(path, { withFileTypes: true });
  entries.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
  const found: string[] = [];
  for (const entry of entries) {
    const below = join(path, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(below, depth + 1)));
    else if (entry.isFile()) found.push(below);
  }
  return found;
}
