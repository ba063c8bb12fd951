/**
 * A node out of the real parts, on a disk, a clock and a network of the world's: what `runtime/node/core.ts` and
 * `cluster/node-cluster.ts` put together, around the same `Cluster`. A lone node is one whose network has nobody else.
 *
 * Leaves to others: data directory, LMDB, sockets and certificates (process tests).
 */
import { kinds } from '../../../actors/kinds.ts';
import { accounts } from '../../../actors/account/protocol.ts';
import { addresses } from '../../../actors/address/protocol.ts';
import { localDomains } from '../../../actors/local-domain/protocol.ts';
import { clusterSettings } from '../../../actors/settings/protocol.ts';
import { Cluster } from '../../../cluster/cluster.ts';
import { clusterActor } from '../../../cluster/metadata/cluster-actor.ts';
import type { ActorKind } from '../../../runtime/actor/actor.ts';
import { Engine } from '../../../runtime/actor/engine.ts';
import { coreTarget } from '../../../runtime/node/core-target.ts';
import type { Core } from '../../../runtime/node/core.ts';
import { NodeCounts } from '../../../runtime/observe/metric-table.ts';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { SpaceGuard } from '../../../runtime/store/space-guard.ts';
import { probe } from '../clients/probe-actor.ts';
import { engineReports } from './engine-reports.ts';
import { Greeter } from './greeter.ts';
import { RoleWatch } from './role-watch.ts';
import type { NodePlace, SimNode } from './sim-node.ts';
import { WatchedLog } from './watched-log.ts';

const simKinds = new Map([...kinds, ...[probe, clusterActor].map((kind) => [kind.kind, kind as ActorKind] as const)]);
/** As `runtime/main.ts` has them. */
const hintedKinds = [clusterSettings.kind, addresses.kind, accounts.kind, localDomains.kind];

export function assembleNode(place: NodePlace): SimNode {
  const { id, tree, marks, clock, random, shardCount, limits, freeBytesMin, events } = place;
  const store = new LayeredStore(tree);
  const guard = new SpaceGuard({ store, clock, freeBytesMin });
  const bodies = new BodyTracker(store);
  const fatal = (error: unknown): void => events.fatal(error);
  const watch = new RoleWatch(place.cluster);
  const cluster = new Cluster({
    parts: {
      ...{ self: id, tree, store, bodies, shardCount, clock, random, limits, fatal },
      writing: (bytes) => guard.noteWrite(bytes),
      observe: () => undefined,
    },
    ...aboutCluster(place, () => cluster),
    ...{ transport: watch.transport(), hintedKinds },
  });
  const { host } = cluster;
  place.cluster.started(host.status());
  watch.begin(host);
  const log = new WatchedLog(host, events);
  const engine = new Engine({
    ...{ kinds: simKinds, shardCount, store, log, clock, random, limits, fatal, route: cluster.route },
    hasBody: (hash) => bodies.isExpected(hash),
    isStorageFull: () => guard.isLow(),
    reports: engineReports(events),
  });
  const core = { directory: { header: { shardCount } }, store, engine } as unknown as Core;
  const target = cluster.wholeTarget(
    coreTarget({
      ...{ core, clock, topics: new Map(), inspections: new Map(), counts: new NodeCounts() },
      unknownMetric: (name) => events.bug(`there is no metric ${name}`, new Error(name)),
    }),
  );
  cluster.connect(engine);
  engine.start();
  return {
    ...{ store, log, host, cluster, marks },
    greeter: new Greeter({ self: id, about: place.cluster.about, marks, map: () => cluster.membership.map }),
    ask: (request, settle) => target.ask(request, settle),
    query: (request, settle) => target.query(request, settle),
    readBody: (hash) => target.readBody(hash, undefined),
    inspect: (topic, argument) => target.inspect(topic, argument),
    work: () => engine.stats,
    get isQuiet() {
      return engine.isDrained && engine.stats.noticesUnderWay === 0;
    },
  };
}

type ClusterOptions = ConstructorParameters<typeof Cluster>[0];

function aboutCluster(
  place: NodePlace,
  cluster: () => Cluster,
): Omit<ClusterOptions, 'parts' | 'transport' | 'hintedKinds'> {
  const { marks, events } = place;
  const { about, known, found, configurationOf, isMapless, oldestWriteMs, batchesKept } = place.cluster;
  return {
    ...{ about, known, found, incarnation: marks.incarnation, marks: () => marks.marks() },
    ...(configurationOf === undefined ? {} : { configurationOf }),
    host: { batchesKept },
    work: () => ({ commitMs: oldestWriteMs(), turnMs: 0 }),
    events: {
      mapChanged: (map) => place.cluster.mapChanged(map, cluster().desired!),
      refused(from, what, error) {
        // One that was admitted later than this node's map was made, or that was replaced, may be heard.
        if (what !== 'not a member') events.bug(`${what} of ${from} was refused`, error ?? new Error(what));
      },
      alive: () => undefined,
      shouldLead(shouldLead) {
        if (!shouldLead && isMapless) void cluster().handOver();
      },
      undeliverable: (error) => events.bug('a notice cannot be delivered', error),
      damage(what) {
        if (what.startsWith('replicas differ')) events.bug(what, new Error(what));
      },
      waits: () => undefined,
      campaigns: (count) => place.cluster.counted('campaigns', count),
    },
  };
}
