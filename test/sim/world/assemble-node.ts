/**
 * A lone node out of the real parts, on a disk and a clock of the world's: its log as `cluster/lone-node.ts` makes it, the rest
 * as `runtime/node/core.ts` does.
 *
 * Leaves to others: the data directory and LMDB (process tests); waiting until the shards are served (clients ask again).
 */
import { kinds } from '../../../actors/kinds.ts';
import { GroupHost } from '../../../cluster/groups/host.ts';
import type { Transport } from '../../../cluster/mesh/transport.ts';
import { Engine } from '../../../runtime/actor/engine.ts';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { readBody } from '../../../runtime/store/body-rows.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { SpaceGuard } from '../../../runtime/store/space-guard.ts';
import { probe } from '../clients/probe-actor.ts';
import { engineReports } from './engine-reports.ts';
import type { ClusterPlace, NodePlace, SimNode } from './sim-node.ts';
import { WatchedLog } from './watched-log.ts';

const simKinds = new Map([...kinds, [probe.kind, probe] as const]);

const nobody: Transport = {
  listen: () => undefined,
  send: () => undefined,
  isLinked: () => false,
  bytesInFlight: () => 0,
};

export function assembleNode(place: NodePlace, cluster: Pick<ClusterPlace, 'batchesKept' | 'started'>): SimNode {
  const { id, tree, clock, random, shardCount, limits, freeBytesMin, events } = place;
  const store = new LayeredStore(tree);
  const guard = new SpaceGuard({ store, clock, freeBytesMin });
  const bodies = new BodyTracker(store);
  const fatal = (error: unknown): void => events.fatal(error);
  const host = new GroupHost({
    ...{ self: id, tree, store, bodies, shardCount, clock, random, limits, fatal },
    ...{
      transport: nobody,
      hearsLeader: () => false,
      configurationOf: () => ({ voters: [id], learners: [], witness: null }),
    },
    writing: (bytes) => guard.noteWrite(bytes),
    observe: () => undefined,
    batchesKept: cluster.batchesKept,
  });
  cluster.started(host.status());
  const log = new WatchedLog(host, events);
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
