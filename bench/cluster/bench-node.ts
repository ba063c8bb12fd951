/**
 * A node of several without an engine: data directory, store, host of groups, liveness, over the bench's own mesh.
 *
 * Put together as the cluster's own façade will do it. Leaves to others: what runs on the groups; here nothing does.
 */
import { GroupHost } from '../../cluster/groups/host.ts';
import { isLivenessFrame } from '../../cluster/liveness/decode.ts';
import { Liveness } from '../../cluster/liveness/liveness.ts';
import type { Transport, TransportEvents } from '../../cluster/mesh/transport.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import { limits } from '../../runtime/base/limits.ts';
import type { Random } from '../../runtime/base/random.ts';
import { BodyTracker } from '../../runtime/store/bodies.ts';
import { openDataDirectory } from '../../runtime/store/data-directory.ts';
import { openJournaledStore } from '../../runtime/store/journaled-store.ts';
import { LayeredStore } from '../../runtime/store/layered-store.ts';
import { openLmdbStore } from '../../runtime/store/lmdb-store.ts';
import { SpaceGuard } from '../../runtime/store/space-guard.ts';
import { UnixMesh } from './unix-mesh.ts';
import { type Commit, WatchedStore } from './watched-store.ts';

export interface BenchNodeOptions {
  readonly self: NodeId;
  readonly members: readonly NodeId[];
  readonly dataPath: string;
  /** Of the nodes' sockets. */
  readonly meshPath: string;
  readonly groups: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly fatal: (error: unknown) => void;
}

/** What a node has to say of itself. */
export interface NodeCounts {
  /** Groups that it serves. */
  readonly served: number;
  /** Of those, what another node should lead. */
  readonly misplaced: number;
  /** Groups of which it knows the leader. */
  readonly led: number;
  /** Wall clock when it served the last of them. */
  readonly lastServedMs: number;
  /** Since it started. */
  readonly frames: number;
  readonly bytes: number;
  /** Of those, what groups said, without liveness. */
  readonly groupFrames: number;
  /** How often it took a peer for dead. */
  readonly suspicions: number;
  /** How often its disk, loop or clock was too slow to lead. */
  readonly unfit: number;
  /** Since it was asked last. */
  readonly commits: readonly Commit[];
}

export async function openBenchNode(options: BenchNodeOptions): Promise<BenchNode> {
  const tree = await openTree(options);
  const { self, members, meshPath: directory, clock } = options;
  const mesh = new UnixMesh({ self, members, directory, clock });
  const node = new BenchNode(options, tree, mesh);
  await mesh.open();
  return node;
}

export class BenchNode {
  readonly #o: BenchNodeOptions;
  readonly #tree: WatchedStore;
  readonly #mesh: UnixMesh;
  readonly #host: GroupHost;
  readonly #liveness: Liveness;
  #hostEvents: TransportEvents | undefined;
  #groupFrames = 0;
  #served = 0;
  #lastServedMs = 0;
  #suspicions = 0;
  #unfit = 0;

  constructor(options: BenchNodeOptions, tree: WatchedStore, mesh: UnixMesh) {
    this.#o = options;
    this.#tree = tree;
    this.#mesh = mesh;
    this.#host = this.#newHost();
    this.#liveness = this.#newLiveness();
    for (const { shard, role, term, leader } of this.#host.status()) {
      this.#liveness.replicas(shard, preferenceOf(shard, options.members));
      this.#liveness.roleChanged(shard, { role, term, leader });
    }
    mesh.listen(this.#listener());
  }

  /** All are there: connections, pings, and soon the first elections. */
  start(): void {
    this.#mesh.dial();
    this.#liveness.start();
  }

  /** Gives the groups that another node should lead to that node: on a busy machine not all are elected where they should be. */
  spread(): void {
    for (const group of this.#misplaced()) this.#host.transfer(group, this.#firstOf(group), () => undefined);
  }

  counts(): NodeCounts {
    return {
      served: this.#served,
      misplaced: this.#misplaced().length,
      led: this.#host.status().filter(({ leader }) => leader !== null).length,
      lastServedMs: this.#lastServedMs,
      ...this.#mesh.sent,
      groupFrames: this.#groupFrames,
      suspicions: this.#suspicions,
      unfit: this.#unfit,
      commits: this.#tree.takeCommits(),
    };
  }

  #misplaced(): readonly ShardId[] {
    const { self } = this.#o;
    const led = this.#host.status().filter(({ role }) => role === 'leader');
    return led.map(({ shard }) => shard).filter((group) => this.#firstOf(group) !== self);
  }

  #firstOf(group: number): NodeId {
    return preferenceOf(group, this.#o.members)[0]!;
  }

  #newHost(): GroupHost {
    const { self, members, groups: shardCount, clock, random, fatal } = this.#o;
    const tree = this.#tree;
    const store = new LayeredStore(tree);
    const guard = new SpaceGuard({ store, clock });
    const host = new GroupHost({
      ...{ self, tree, store, bodies: new BodyTracker(store), shardCount, clock, random, limits, fatal },
      transport: this.#transport(),
      configurationOf: () => ({ voters: members, learners: [], witness: null }),
      hearsLeader: (shard) => this.#liveness.hearsLeader(shard),
      watch: {
        roleChanged: (shard, is) => this.#liveness.roleChanged(shard, is),
        membersChanged: () => undefined,
      },
      writing: (bytes) => guard.noteWrite(bytes),
      observe: () => undefined,
      refusedFrame: (_from, error) => fatal(error),
    });
    host.onRole({
      served: () => {
        this.#served++;
        this.#lastServedMs = clock.nowMs();
      },
      lost: () => {
        this.#served--;
      },
    });
    return host;
  }

  #transport(): Transport {
    const mesh = this.#mesh;
    return {
      listen: (events) => {
        this.#hostEvents = events;
      },
      send: (to, lane, frame) => {
        this.#groupFrames++;
        mesh.send(to, lane, frame);
      },
      isLinked: (peer) => mesh.isLinked(peer),
      bytesInFlight: (peer) => mesh.bytesInFlight(peer),
    };
  }

  #newLiveness(): Liveness {
    const { self, members, clock, random, fatal } = this.#o;
    const host = this.#host;
    return new Liveness({
      ...{ self, members, clock, random, transport: this.#mesh, incarnation: 1 },
      work: () => ({ commitMs: this.#tree.oldestWriteMs, turnMs: 0 }),
      events: {
        alive: (node, isAlive) => {
          if (!isAlive) this.#suspicions++;
          host.alive(node, isAlive);
        },
        claimed: (node, claims) => host.claimed(node, claims),
        campaign: (groups) => host.campaign(groups),
        shouldLead: (shouldLead) => {
          if (!shouldLead) this.#unfit++;
        },
        refused: (node, reason) => fatal(new Error(`a ping of ${node} was refused: ${reason}`)),
      },
    });
  }

  #listener(): TransportEvents {
    const liveness = this.#liveness;
    return {
      received: (from, lane, frame) => {
        if (lane === 'control' && isLivenessFrame(frame)) liveness.received(from, lane, frame);
        else this.#hostEvents?.received(from, lane, frame);
      },
      linked: (peer) => {
        liveness.linked(peer);
        this.#hostEvents?.linked(peer);
      },
      unlinked: (peer) => {
        liveness.unlinked(peer);
        this.#hostEvents?.unlinked(peer);
      },
      linkRefused: (peer) => liveness.linkRefused(peer),
    };
  }
}

/** The store of a node, as `runtime/node/core.ts` opens it. */
async function openTree(options: BenchNodeOptions): Promise<WatchedStore> {
  const { self, dataPath, groups: shardCount, clock, random, fatal } = options;
  const create = () => ({ clusterId: 'bench', nodeId: self, shardCount });
  const directory = openDataDirectory({ path: dataPath, clock, create });
  const lmdb = await openLmdbStore({ path: directory.storePath, clock, fatal });
  const tree = await openJournaledStore({ tree: lmdb, path: directory.journalPath, clock, random, fatal });
  directory.confirmStore();
  return new WatchedStore(tree, clock);
}

/** Leaders are spread evenly, as placement will do it: each node comes first for every third group. */
function preferenceOf(group: number, members: readonly NodeId[]): readonly NodeId[] {
  const first = group % members.length;
  return [...members.slice(first), ...members.slice(0, first)];
}
