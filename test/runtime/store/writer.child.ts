/**
 * Writes batches to the store that it is given, two on their way at a time, until its parent ends it. Prints `settled N`
 * for each, N counting on from what is in the store, or `failed CODE CAUSE` once and then `refused CODE` for one write more.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../runtime/base/clock.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { batchOps, lastBatch } from './numbered-batches.ts';

const say = (line: string): void => void writeSync(1, `${line}\n`);
const codeOf = (error: unknown): string => (error instanceof OperationError ? error.code : String(error));

const store = await openLmdbStore({
  path: process.argv[2] as string,
  clock: systemClock,
  fatal: (error) => say(`failed ${codeOf(error)} ${error instanceof Error ? String(error.cause) : ''}`),
});
process.on('unhandledRejection', (error) => say(`unhandled ${String(error)}`));

let next = lastBatch(store) + 1;
async function writeForEver(): Promise<void> {
  for (;;) {
    const batch = next++;
    await store.write(batchOps(batch));
    say(`settled ${batch}`);
  }
}

await Promise.allSettled([writeForEver(), writeForEver()]);
await store.write(batchOps(next)).catch((error: unknown) => say(`refused ${codeOf(error)}`));
await store.close();
say('closed');
