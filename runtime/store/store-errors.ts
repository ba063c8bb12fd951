/**
 * Every operating error of this folder. Each text says what is wrong and what cures it.
 *
 * Leaves to others: rotten rows (`codec/row.ts`), since only the reader of a row knows how far the damage reaches.
 */
import { OperationError, refused, tryLater } from '../base/errors.ts';

/** A commit failed; nothing is taken any more, and the node has to stop. The cause is for the log. */
export function storeFailed(cause: unknown): OperationError {
  const text = 'the store could not make a write durable; the node stops. Check the disk, then start it again';
  return tryLater('storeFailed', text, cause);
}

export function storeClosed(): OperationError {
  return tryLater('storeClosed', 'the store is closed: the node is stopping');
}

/** The native library refused to open a file that looked whole. */
export function storeNotOpened(path: string, cause: unknown): OperationError {
  const text = `cannot open the store ${path}: ${said(cause)}. Cure: look at the disk, or restore a backup`;
  return new OperationError({ code: 'storeNotOpened', transient: false, text }, cause);
}

/** @param holder what the holder wrote of itself, e.g. `process 4711` */
export function dataDirectoryInUse(path: string, holder: string): OperationError {
  const text =
    `the data directory ${path} is in use by ${holder}. ` +
    'Stop that node first, or give this one a data directory of its own';
  return refused('dataDirectoryInUse', text);
}

export function dataDirectoryUnusable(path: string, what: string, cause?: unknown): OperationError {
  const why = cause === undefined ? what : `${what}: ${said(cause)}`;
  const cure = 'Cure: let this user write there, or choose another directory with --data DIR';
  const text = `the data directory ${path} cannot be used: ${why}. ${cure}`;
  return new OperationError({ code: 'dataDirectoryUnusable', transient: false, text }, cause);
}

const said = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** There is nothing to start from, and nobody asked for a new node. */
export function dataDirectoryEmpty(path: string): OperationError {
  const text = `${path} holds no node yet. Make one with \`ringpost init\` or \`ringpost join\`, or correct the path`;
  return refused('dataDirectoryEmpty', text);
}

const rebuild =
  'Restore a backup, or, where other nodes hold copies, move the directory away and let this node join anew';

/** Part of the node's memory is gone. */
export function dataMissing(path: string, what: string): OperationError {
  return refused('dataMissing', `${what} in ${path}; this node must not start with an empty memory. ${rebuild}`);
}

export function dataFileDamaged(path: string, what: string): OperationError {
  return refused('dataFileDamaged', `${path} is damaged: ${what}. ${rebuild}`);
}

/** The data are whole, but not this node's. */
export function dataForeign(path: string, what: string): OperationError {
  return refused('dataForeign', `${path} is not this node's: ${what}. Correct the path or the node's name`);
}

export function dataTooNew(path: string, what: string): OperationError {
  return refused('dataTooNew', `${path} was written by a newer version: ${what}. Start that version or a later one`);
}

/** A body in a form that this version does not know. */
export function bodyUnreadable(hash: string): OperationError {
  return refused('bodyUnreadable', `body ${hash} was stored by a newer version. Start that version or a later one`);
}
