/**
 * Opens the data directory that it is given, says so, and stays in it until its parent ends it. It keeps no reference to
 * what it opened and makes work for the garbage collector: the lock must hold all the same.
 */
import { systemClock } from '../../../runtime/base/clock.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { nodeId } from '../../../runtime/base/ids.ts';
import { openDataDirectory } from '../../../runtime/store/data-directory.ts';

const create = () => ({ clusterId: 'c1', nodeId: nodeId('n1'), shardCount: 16 });
try {
  openDataDirectory({ path: process.argv[2] as string, clock: systemClock, create });
  for (let i = 0; i < 100; i++) Array.from({ length: 10_000 }, (_, n) => ({ n }));
  process.stdout.write('held\n');
  process.stdin.resume();
} catch (error) {
  process.stdout.write(`${error instanceof OperationError ? error.code : String(error)}\n`);
}
