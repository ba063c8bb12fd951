/** A local log on a memory store whose transactions the test makes durable one by one, oldest first. */
import { LocalLog } from '../../runtime/actor/local-log.ts';
import { BodyTracker } from '../../runtime/store/bodies.ts';
import { LayeredStore } from '../../runtime/store/layered-store.ts';
import { MemoryDisk, MemoryStore } from '../../runtime/store/memory-store.ts';
import { FakeClock } from './fake-clock.ts';

export interface LocalLogWorldOptions {
  /** What an earlier life left behind. */
  readonly disk?: MemoryDisk;
  readonly observe?: () => void;
}

export function localLogWorld({ disk = new MemoryDisk(), observe = () => undefined }: LocalLogWorldOptions = {}) {
  const clock = new FakeClock();
  /** Transactions that are on their way. */
  const releases: (() => void)[] = [];
  const tree = new MemoryStore({ disk, settle: (apply) => releases.push(apply) });
  const store = new LayeredStore(tree);
  const bodies = new BodyTracker(store);
  const fatals: unknown[] = [];
  const log = new LocalLog({
    tree,
    store,
    bodies,
    shardCount: 2,
    clock,
    groupCommitBytesMax: 1_000_000,
    observe,
    fatal: (error) => fatals.push(error),
  });
  const release = async (): Promise<void> => {
    releases.shift()?.();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  return { disk, clock, tree, store, bodies, log, fatals, releases, release };
}
