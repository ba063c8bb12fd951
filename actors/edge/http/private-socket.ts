/**
 * A unix socket that nobody else can ever connect to, not even for the moment between its birth and its `chmod`.
 *
 * It is born in a directory of mode 0700, gets its mode, and is then moved to its name, over what a crashed node left
 * there. (`umask` would be the other way, but a worker thread may not set it.)
 */
import { promises as files } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { refused } from '../../../runtime/base/errors.ts';
import { randomText } from '../../../runtime/base/ids.ts';
import type { Random } from '../../../runtime/base/random.ts';
import { bindableSocketPath } from '../../../runtime/cli/admin-socket.ts';

/** `/.admin-` and 8 characters and `/s`, less the name `admin.sock` that stands there otherwise. */
const spareBytes = 12;

/**
 * @returns what removes the socket's name once the server is closed
 * @throws {OperationError} `alreadyRunning`, `socketPathTooLong`
 */
export async function listenPrivately(server: Server, path: string, random: Random): Promise<() => Promise<void>> {
  const target = bindableSocketPath(path, spareBytes);
  if (await answers(target)) {
    throw refused(
      'alreadyRunning',
      `a node runs on ${dirname(path)} already. Cure: stop it first, or choose another --data`,
    );
  }
  const nursery = join(dirname(target), `.admin-${randomText(random, 8)}`);
  await files.mkdir(nursery, { mode: 0o700 });
  try {
    const birthplace = join(nursery, 's');
    await listen(server, birthplace);
    await files.chmod(birthplace, 0o600);
    await files.rename(birthplace, target);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await files.rm(nursery, { recursive: true, force: true });
  }
  return () => files.rm(target, { force: true });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** True when somebody listens there. A socket file that a crash left refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const settle = (isThere: boolean): void => {
      probe.destroy();
      resolve(isThere);
    };
    probe.once('connect', () => settle(true));
    probe.once('error', () => settle(false));
  });
}
