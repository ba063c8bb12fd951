/**
 * Writes an export: an mbox file, a directory of them, a Maildir, or a directory of .eml files.
 *
 * Promises: nothing that exists is overwritten; an mbox file has its name only once it is whole.
 */
import { createWriteStream, promises as files, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { badFile } from '../../../runtime/cli/codes.ts';
import { targetExists } from '../codes.ts';
import type { MailFormat } from './mail-source.ts';
import { escapePart, formatMaildirInfo, maildirFolder } from './maildir.ts';
import { mboxEntry } from './mbox.ts';

export interface ExportedMessage {
  readonly folder: string;
  readonly uid: number;
  readonly uidValidity: number;
  readonly sender: string;
  readonly dateMs: number;
  readonly flags: readonly string[];
  readonly bytes: Uint8Array;
}

export interface MailTarget {
  add(message: ExportedMessage): Promise<void>;
  /** Nothing is sure to be there before this has settled. */
  end(): Promise<void>;
}

/** True when mbox files are wanted one a folder: `backup/` or a directory that is there. */
export async function isDirectoryTarget(path: string): Promise<boolean> {
  if (/[/\\]$/.test(path)) return true;
  // What cannot be looked at is no directory for us; `openTarget` then says why it cannot be used.
  return (await files.stat(path).catch(() => null))?.isDirectory() === true;
}

/** @throws {OperationError} `targetExists`, `badFile` */
export async function openTarget(path: string, format: MailFormat): Promise<MailTarget> {
  const isSingleFile = format === 'mbox' && !(await isDirectoryTarget(path));
  const there = await files
    .readdir(path)
    .catch((error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? [] : [path]));
  if (there.length > 0) throw targetExists(path);
  const target = isSingleFile
    ? new MboxTarget(() => path)
    : format === 'mbox'
      ? new MboxTarget((folder) => `${directoryOf(path, folder)}.mbox`)
      : format === 'maildir'
        ? maildirTarget(path)
        : emlTarget(path);
  return {
    add: (message) => named(path, target.add(message)),
    end: () => named(path, target.end()),
  };
}

async function named(path: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw badFile(path, error.message);
    throw error;
  }
}

const directoryOf = (path: string, folder: string): string => join(path, ...folder.split('/').map(escapePart));

/** Messages come folder by folder, so that one file is open at a time. */
class MboxTarget implements MailTarget {
  readonly #pathOf: (folder: string) => string;
  #open: { readonly folder: string; readonly path: string; readonly stream: WriteStream } | null = null;

  constructor(pathOf: (folder: string) => string) {
    this.#pathOf = pathOf;
  }

  async add(message: ExportedMessage): Promise<void> {
    const stream = await this.#streamOf(message.folder);
    if (!stream.write(mboxEntry(message.bytes, message))) await once(stream, 'drain');
  }

  async end(): Promise<void> {
    if (this.#open === null) return;
    const { path, stream } = this.#open;
    this.#open = null;
    stream.end();
    await once(stream, 'close');
    await files.rename(`${path}.part`, path);
  }

  async #streamOf(folder: string): Promise<WriteStream> {
    if (this.#open?.folder === folder) return this.#open.stream;
    await this.end();
    const path = this.#pathOf(folder);
    await files.mkdir(dirname(path), { recursive: true });
    const stream = createWriteStream(`${path}.part`, { mode: 0o600, flush: true });
    await once(stream, 'open');
    this.#open = { folder, path, stream };
    return stream;
  }
}

function maildirTarget(path: string): MailTarget {
  const made = new Set<string>();
  return {
    async add({ folder, uid, uidValidity, dateMs, flags, bytes }) {
      const directory = join(path, maildirFolder(folder));
      if (!made.has(directory)) {
        for (const state of ['tmp', 'new', 'cur'])
          await files.mkdir(join(directory, state), { recursive: true, mode: 0o700 });
        // Maildir++ marks a folder by this empty file.
        if (folder !== 'INBOX') await files.writeFile(join(directory, 'maildirfolder'), '');
        made.add(directory);
      }
      const name = `${Math.floor(dateMs / 1000)}.U${uid}V${uidValidity}.ringpost`;
      await files.writeFile(join(directory, 'tmp', name), bytes, { mode: 0o600 });
      await files.utimes(join(directory, 'tmp', name), dateMs / 1000, dateMs / 1000);
      await files.rename(join(directory, 'tmp', name), join(directory, 'cur', `${name}${formatMaildirInfo(flags)}`));
    },
    async end() {
      for (const state of ['tmp', 'new', 'cur']) await files.mkdir(join(path, state), { recursive: true, mode: 0o700 });
    },
  };
}

function emlTarget(path: string): MailTarget {
  return {
    async add({ folder, uid, dateMs, bytes }) {
      const directory = directoryOf(path, folder);
      await files.mkdir(directory, { recursive: true, mode: 0o700 });
      const file = join(directory, `${uid}.eml`);
      await files.writeFile(file, bytes, { mode: 0o600 });
      await files.utimes(file, dateMs / 1000, dateMs / 1000);
    },
    async end() {
      await files.mkdir(path, { recursive: true, mode: 0o700 });
    },
  };
}
