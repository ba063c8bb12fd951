/**
 * Where a node's admin API listens: a unix socket in its data directory, so that whoever may read the data may also
 * administer it, and nobody else.
 */
import { join, relative } from 'node:path';
import { socketPathBytesMax, socketPathTooLong } from './codes.ts';

export const adminSocketName = 'admin.sock';

export const adminSocketPath = (dataDirectory: string): string => join(dataDirectory, adminSocketName);

/**
 * The same file under a name that a socket address can hold: as it is, or seen from the working directory.
 * @throws {OperationError} `socketPathTooLong`
 */
export function bindableSocketPath(path: string, spareBytes = 0): string {
  const names = [path, relative(process.cwd(), path)];
  const short = names.find((name) => name !== '' && Buffer.byteLength(name) + spareBytes <= socketPathBytesMax);
  if (short === undefined) throw socketPathTooLong(path);
  return short;
}
