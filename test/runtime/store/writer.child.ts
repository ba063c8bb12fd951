/**
 * Writes batches to the store that it is given, two on their way at a time, until its parent ends it. Prints `settled N`
 * for each, N counting on from what is in the store, or `failed CODE CAUSE` once and then `refused CODE` for one write more.
 * With a number as second argument it has a journal in front, which is brought into the tree after so many bytes.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../runtime/base/clock.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import { openJournaledStore } from '../../../runtime/store/journaled-store.ts';
import { openLmdbStore } from '../../../runtime/store/lmdb-store.ts';
import { batchOps, lastBatch } from './numbered-batches.ts';

const say = (line: string): void => void writeSync(1, `${line}\n`);
const codeOf = (error: unknown): string => (error instanceof OperationError ? error.code : String(error));

const [, , path = '', checkpointBytes] = process.argv;
const fatal = (error: unknown): void =>
  say(`failed ${codeOf(error)} ${error instanceof Error ? String(error.cause) : ''}`);
const tree = await openLmdbStore({ path, clock: systemClock, fatal });
const store =
  checkpointBytes === undefined
    ? tree
    : await openJournaledStore({
        ...{ tree, path: `${path}-journal`, checkpointBytes: Number(checkpointBytes), transactionRows: 5 },
        ...{ clock: systemClock, random: systemRandom, fatal },
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
