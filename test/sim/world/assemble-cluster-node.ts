/**
 * A node of several, out of the real parts: host of Raft groups, liveness, engine with the mail actors, over the world's
 * network. What ties them together here is what the cluster's own façade does in the program.
 */
import { Liveness } from '../../../cluster/liveness/liveness.ts';
import { isLivenessFrame } from '../../../cluster/liveness/decode.ts';
import { GroupHost } from '../../../cluster/groups/host.ts';
import type { Transport } from '../../../cluster/mesh/transport.ts';
import type { Configuration } from '../../../cluster/raft/protocol.ts';
import { kinds } from '../../../actors/kinds.ts';
import { Engine } from '../../../runtime/actor/engine.ts';
import type { NodeId } from '../../../runtime/base/ids.ts';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { readBody } from '../../../runtime/store/body-rows.ts';
import { LayeredStore } from '../../../runtime/store/layered-store.ts';
import { SpaceGuard } from '../../../runtime/store/space-guard.ts';
import { probe } from '../clients/probe-actor.ts';
import { engineReports } from './engine-reports.ts';
import type { SimTransportEvents } from './network.ts';
import { isNoticeFrame, NoticeMail } from './notice-mail.ts';
import type { ClusterPlace, NodePlace, SimNode } from './sim-node.ts';
import { preferenceOf } from './members.ts';
import { RoleWatch } from './role-watch.ts';
import { WatchedLog } from './watched-log.ts';

const simKinds = new Map([...kinds, [probe.kind, probe] as const]);

export function assembleClusterNode(place: NodePlace, cluster: ClusterPlace): SimNode {
  const { id, tree, clock, random, shardCount, limits, freeBytesMin, events } = place;
  const { members, incarnation, voters, witness } = cluster;
  const store = new LayeredStore(tree);
  const guard = new SpaceGuard({ store, clock, freeBytesMin });
  const bodies = new BodyTracker(store);
  const fatal = (error: unknown): void => events.fatal(error);
  let listener: SimTransportEvents | undefined;
  const transport: Transport = {
    ...cluster.transport,
    listen: (of) => {
      listener = of as SimTransportEvents;
    },
    send(to, lane, frame) {
      watch.look();
      cluster.sent(to, frame, (shard) => host.status()[shard]!);
      cluster.transport.send(to, lane, frame);
    },
  };
  const hearing: { by?: Liveness } = {};
  const host = new GroupHost({
    ...{ self: id, tree, store, bodies, shardCount, clock, random, transport, limits, fatal },
    configurationOf: () => ({ voters, learners: [], witness }),
    hearsLeader: (shard) => hearing.by?.hearsLeader(shard) ?? false,
    watch: {
      roleChanged: (shard, is) => hearing.by?.roleChanged(shard, is),
      membersChanged: (shard, configuration) =>
        hearing.by?.replicas(shard, preferenceOf(shard, candidatesOf(configuration))),
    },
    writing: (bytes) => guard.noteWrite(bytes),
    observe: () => undefined,
    batchesKept: cluster.batchesKept,
    refusedFrame: (from, error) => events.bug(`a frame from ${from} was refused`, error),
    different: (difference) => events.bug('replicas differ', new Error(JSON.stringify(difference))),
  });
  const watch: RoleWatch = new RoleWatch(host, cluster);
  const body = (hash: string): Uint8Array | undefined => readBody(store, hash);
  const notices = new NoticeMail({
    ...{ self: id, transport: cluster.transport, body },
    leaderOf: (shard) => host.status()[shard]!.leader,
    receive: (received) => engine.receiveNotice(received),
  });
  const log = new WatchedLog(host, events);
  const engine: Engine = new Engine({
    ...{ kinds: simKinds, shardCount, store, log, clock, random, limits, fatal, route: notices },
    hasBody: (hash) => bodies.isExpected(hash),
    isStorageFull: () => guard.isLow(),
    reports: engineReports(events),
  });
  const liveness = new Liveness({
    ...{ self: id, incarnation, members, clock, random, transport: cluster.transport },
    work: () => ({ commitMs: cluster.oldestWriteMs(), turnMs: 0 }),
    events: {
      alive(node, isAlive) {
        host.alive(node, isAlive);
        watch.look();
      },
      claimed(node, claims) {
        host.claimed(node, claims);
        watch.look();
      },
      campaign: (shards) => {
        cluster.counted('campaigns', shards.length);
        host.campaign(shards);
        watch.look();
      },
      shouldLead: (shouldLead) => {
        if (!shouldLead) handOver(host, liveness, members, id);
      },
      refused(node, reason) {
        // One that was replaced may still be heard.
        if (reason !== 'not a member') events.bug(`a ping of ${node} was refused`, new Error(reason));
      },
    },
  });
  cluster.transport.listen(whoListens({ host: () => listener, liveness, notices, looked: () => watch.look() }));
  cluster.started(host.status());
  hearing.by = liveness;
  for (const { shard, role, term, leader, configuration } of host.status()) {
    liveness.roleChanged(shard, { role, term, leader });
    liveness.replicas(shard, preferenceOf(shard, candidatesOf(configuration)));
  }
  engine.start();
  watch.look();
  liveness.start();
  return {
    store,
    log,
    host,
    ask: (request, settle) => engine.ask(request, settle),
    query: (request, settle) => engine.query(request, settle),
    body,
    work: () => engine.stats,
    membersAre: (nodes) => liveness.members(nodes),
    get isQuiet() {
      return engine.isDrained && engine.stats.noticesUnderWay === 0;
    },
  };
}

/** Who may lead. */
const candidatesOf = ({ voters, witness }: Configuration): NodeId[] => voters.filter((node) => node !== witness);

/** A node that should lead nothing gives its groups to whoever is alive. */
function handOver(host: GroupHost, liveness: Liveness, members: readonly NodeId[], self: NodeId): void {
  for (const { shard, role, configuration } of host.status()) {
    if (role !== 'leader') continue;
    const { voters, witness } = configuration;
    const to = voters.find(
      (node) => node !== self && node !== witness && members.includes(node) && liveness.isAlive(node),
    );
    if (to !== undefined) host.transfer(shard, to, () => undefined);
  }
}

interface Listeners {
  readonly host: () => SimTransportEvents | undefined;
  readonly liveness: Liveness;
  readonly notices: NoticeMail;
  readonly looked: () => void;
}

function whoListens({ host, liveness, notices, looked }: Listeners): SimTransportEvents {
  return {
    received(from, lane, frame) {
      if (isNoticeFrame(frame)) notices.received(from, frame);
      else if (lane === 'control' && isLivenessFrame(frame)) liveness.received(from, lane, frame);
      else {
        host()?.received(from, lane, frame);
        looked();
      }
    },
    linked(peer) {
      liveness.linked(peer);
      host()?.linked(peer);
    },
    unlinked(peer) {
      liveness.unlinked(peer);
      host()?.unlinked(peer);
      notices.unlinked(peer);
    },
    linkRefused: (peer) => liveness.linkRefused(peer),
  };
}
