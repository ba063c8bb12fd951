/**
 * The directory that is a node's memory: whose it is, that it is whole, and that one process only is in it.
 *
 * It holds `ringpost-data.json`, which says whose the data are, `store.lmdb` and the two files of its journal. Each without
 * the others is refused: an empty disk under a known name would make the node forget what it has promised.
 *
 * Leaves to others: the store itself (`lmdb-store.ts`, `journaled-store.ts`), the lock (`directory-lock.ts`), LMDB's pages (`data-file.ts`).
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type NodeId, nodeId } from '../base/ids.ts';
import { checkDataFile } from './data-file.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import {
  dataDirectoryEmpty,
  dataDirectoryUnusable,
  dataFileDamaged,
  dataForeign,
  dataMissing,
  dataTooNew,
} from './store-errors.ts';

const headerName = 'ringpost-data.json';
const storeName = 'store.lmdb';
const journalName = 'journal';
const magic = 'ringpost-data';
/** Guards the layout as a whole; rows have versions of their own. 2: with a journal, which version 1 would not read. */
export const dataFormatVersion = 2;

/** Set for ever when a directory is made. */
export interface DataIdentity {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly shardCount: number;
}

export interface DataHeader extends DataIdentity {
  readonly formatVersion: number;
  readonly createdMs: number;
  /** From the moment on at which the store exists for certain: its file may not be missing then. */
  readonly hasStore: boolean;
}

export interface DataDirectoryOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Makes a new node when the directory holds none. Absent: an empty directory is refused. */
  readonly create?: () => DataIdentity;
  /** What is known of the node from elsewhere; a directory that says otherwise is refused. */
  readonly expect?: Partial<DataIdentity>;
}

/**
 * Locks the directory and looks at all that is in it. Blocks; for the start of a node only.
 * @throws {OperationError} dataDirectoryInUse, dataDirectoryUnusable, dataDirectoryEmpty, dataMissing, dataFileDamaged,
 *   dataForeign, dataTooNew
 */
export function openDataDirectory(options: DataDirectoryOptions): DataDirectory {
  const path = resolve(options.path);
  makeDirectory(path);
  const lock = lockDirectory(path);
  try {
    return new DataDirectory(path, lock, readOrCreate(path, options));
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Whether a node was made there, whatever became of it. Locks nothing and makes nothing. */
export const holdsNode = (path: string): boolean => existsSync(join(path, headerName));

export class DataDirectory {
  readonly path: string;
  /** For `openLmdbStore`. */
  readonly storePath: string;
  /** For `openJournaledStore`. */
  readonly journalPath: string;
  readonly #lock: DirectoryLock;
  #header: DataHeader;

  constructor(path: string, lock: DirectoryLock, header: DataHeader) {
    this.path = path;
    this.storePath = join(path, storeName);
    this.journalPath = join(path, journalName);
    this.#lock = lock;
    this.#header = header;
  }

  get header(): DataHeader {
    return this.#header;
  }

  /** To be called when the store is open and its first write has settled: from now on its file may not be missing. */
  confirmStore(): void {
    if (this.#header.hasStore) return;
    this.#header = { ...this.#header, hasStore: true };
    // Writing the header syncs the directory too, and with it the entry of the store's file.
    writeHeader(this.path, this.#header);
  }

  /** Lets the next process in. The store must be closed. */
  close(): void {
    this.#lock.release();
  }
}

function readOrCreate(path: string, { clock, create, expect = {} }: DataDirectoryOptions): DataHeader {
  const headerPath = join(path, headerName);
  const storePath = join(path, storeName);
  const hasStore = existsSync(storePath);
  if (!existsSync(headerPath)) {
    if (hasStore) throw dataMissing(path, `there is ${storeName}, but ${headerName} is missing`);
    if (create === undefined) throw dataDirectoryEmpty(path);
    const header = { ...create(), formatVersion: dataFormatVersion, createdMs: clock.nowMs(), hasStore: false };
    requireExpected(path, header, expect);
    writeHeader(path, header);
    return header;
  }
  const header = readHeader(headerPath);
  requireExpected(path, header, expect);
  if (hasStore) checkDataFile(storePath, !header.hasStore);
  else if (header.hasStore) throw dataMissing(path, `there is ${headerName}, but ${storeName} is missing`);
  if (header.formatVersion === dataFormatVersion) return header;
  const upgraded = { ...header, formatVersion: dataFormatVersion };
  writeHeader(path, upgraded);
  return upgraded;
}

function requireExpected(path: string, header: DataHeader, expect: Partial<DataIdentity>): void {
  for (const [name, value] of Object.entries(expect)) {
    const found = header[name as keyof DataIdentity];
    if (found !== value) throw dataForeign(path, `its ${name} is ${found}, and ${value} was expected`);
  }
}

/** @throws {OperationError} dataFileDamaged, dataForeign, dataTooNew */
function readHeader(path: string): DataHeader {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw dataFileDamaged(path, 'it is not JSON');
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const { formatVersion, clusterId, nodeId: node, shardCount, createdMs, hasStore } = fields;
  if (fields['magic'] !== magic) throw dataForeign(path, `it has not the mark ${magic}`);
  if (typeof formatVersion !== 'number') throw dataFileDamaged(path, 'it has no format version');
  if (formatVersion > dataFormatVersion) {
    throw dataTooNew(path, `data format ${formatVersion}; this version knows ${dataFormatVersion}`);
  }
  const isWhole =
    typeof clusterId === 'string' &&
    typeof node === 'string' &&
    typeof shardCount === 'number' &&
    typeof createdMs === 'number' &&
    typeof hasStore === 'boolean';
  if (!isWhole) throw dataFileDamaged(path, 'a field is missing');
  return { formatVersion, clusterId, nodeId: nodeId(node), shardCount, createdMs, hasStore };
}

/** Replaces the file as a whole, so that a crash leaves the old or the new one. */
function writeHeader(directory: string, header: DataHeader): void {
  const path = join(directory, headerName);
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${JSON.stringify({ magic, ...header }, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, path);
  syncDirectory(directory);
}

/**
 * Durable, as far as it was not there. One level after another: node's own `recursive` never returns where a parent exists
 * and takes no entries (/proc).
 * @throws {OperationError} dataDirectoryUnusable
 */
export function makeDirectory(path: string): void {
  try {
    const missing: string[] = [];
    for (let at = path; !existsSync(at); at = dirname(at)) missing.unshift(at);
    for (const each of missing) {
      mkdirSync(each, { mode: 0o700 });
      syncDirectory(dirname(each));
    }
  } catch (cause) {
    throw dataDirectoryUnusable(path, 'it cannot be made', cause);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
