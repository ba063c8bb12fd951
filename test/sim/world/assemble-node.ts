/**
 * A lone node out of the real parts, as `runtime/node/core.ts` puts them together, on a disk, a clock and a network of the world's.
 *
 * Leaves to others: the data directory and LMDB (process tests).
 */
import { kinds } from '../../../actors/kinds.ts';
import { Engine } from '../../../runtime/actor/engine.ts';
import { LocalLog } from '../../../runtime/actor/local-log.ts';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { readBody } from '../../../runtime/store/body-rows.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { SpaceGuard } from '../../../runtime/store/space-guard.ts';
import { probe } from '../clients/probe-actor.ts';
import { engineReports } from './engine-reports.ts';
import type { NodePlace, SimNode } from './sim-node.ts';
import { WatchedLog } from './watched-log.ts';

const simKinds = new Map([...kinds, [probe.kind, probe] as const]);

export function assembleNode(place: NodePlace): SimNode {
  const { tree, clock, random, shardCount, limits, freeBytesMin, events } = place;
  const store = new LayeredStore(tree);
  const guard = new SpaceGuard({ store, clock, freeBytesMin });
  const bodies = new BodyTracker(store);
  const fatal = (error: unknown): void => events.fatal(error);
  const local = new LocalLog({
    ...{ tree, store, bodies, shardCount, clock, fatal },
    groupCommitBytesMax: limits.groupCommitBytesMax,
    writing: (bytes) => guard.noteWrite(bytes),
    observe: () => undefined,
  });
  const log = new WatchedLog(local, events);
  const engine = new Engine({
    ...{ kinds: simKinds, shardCount, store, log, clock, random, limits, fatal },
    hasBody: (hash) => bodies.isExpected(hash),
    isStorageFull: () => guard.isLow(),
    reports: engineReports(events),
  });
  engine.start();
  return {
    store,
    log,
    ask: (request, settle) => engine.ask(request, settle),
    query: (request, settle) => engine.query(request, settle),
    body: (hash) => readBody(store, hash),
    work: () => engine.stats,
    get isQuiet() {
      return engine.isDrained && engine.stats.noticesUnderWay === 0;
    },
  };
}
