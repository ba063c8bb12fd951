/**
 * The lock that keeps a second process out of a data directory.
 *
 * Node cannot lock a file itself, but it carries SQLite, which can: an exclusive transaction on an empty database is a
 * lock of the kernel's (`fcntl`, which LMDB needs on the same file system anyway). The kernel takes it back when the
 * process ends, however it ends, so there is no stale lock, no guessing whether a process id is still the same process, and
 * no race between two starters; and it holds between containers that share a volume, where process ids and abstract
 * sockets say nothing.
 *
 * The file must not be opened by other means: closing any descriptor of it would drop the lock.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { dataDirectoryInUse, dataDirectoryUnusable } from './store-errors.ts';

const lockName = 'ringpost.lock';
/** Says who holds the lock. Only for the text of the refusal: nothing depends on it. */
const holderName = 'ringpost.pid';
/** SQLITE_BUSY: somebody else has the lock. */
const sqliteBusy = 5;

/** Keeps the garbage collector from closing a lock that its owner has lost sight of. */
const held = new Set<DatabaseSync>();

export interface DirectoryLock {
  release(): void;
}

/** @throws {OperationError} dataDirectoryInUse, dataDirectoryUnusable */
export function lockDirectory(directory: string): DirectoryLock {
  const holder = join(directory, holderName);
  const lock = acquire(directory, holder);
  held.add(lock);
  writeFileSync(holder, `process ${process.pid} on ${hostname()}\n`, { mode: 0o600 });
  return {
    release() {
      rmSync(holder, { force: true });
      held.delete(lock);
      lock.close();
    },
  };
}

function acquire(directory: string, holder: string): DatabaseSync {
  const path = join(directory, lockName);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    // Nothing is ever written, so no journal has to lie beside it.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock?.close();
    if (isBusy(cause)) throw dataDirectoryInUse(directory, readHolder(holder));
    throw dataDirectoryUnusable(directory, `${path} cannot be locked`, cause);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // The holder has the lock and has not written its name yet.
    return 'another process';
  }
}
