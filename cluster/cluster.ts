/**
 * A node of the cluster, put together: host of Raft groups, liveness, membership, placement, routing, over one transport.
 *
 *     engine <── log, notices ── GroupHost <── alive, claims, campaign ──── Liveness
 *       ^                          │  ^ └── roles, members of groups ──────────^
 *       │ ask, query     metadata  │  └──── changes, transfers ── Mover        │
 *     Router             applied   v                                ^          │
 *       ^                      Membership ── map ── placement ──────┴── who may lead, in which order
 *       └── calls of peers, of this node's edges
 *
 * The simulator runs this very class over its own transport, disk and clock.
 *
 * Promises: those of its parts. A lone node is a cluster of one: nobody to talk to, every answer at once.
 * Leaves to others: sockets, certificates and files, which `node-cluster.ts` puts around it.
 */
import type { Engine } from '../runtime/actor/engine.ts';
import type { NodeLog } from '../runtime/actor/log.ts';
import type { Outcome } from '../runtime/actor/request.ts';
import { groupCount, metadataShard, shardOf } from '../runtime/actor/shard.ts';
import type { NodeId, ShardId } from '../runtime/base/ids.ts';
import { invariant } from '../runtime/base/invariant.ts';
import { bodyInfo, readBody } from '../runtime/store/body-rows.ts';
import type { CoreCluster } from '../runtime/node/core.ts';
import type { CoreTarget } from '../runtime/threads/core-target.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { removedHere } from './codes.ts';
import { GroupHost } from './groups/host.ts';
import { HeardNodes } from './heard-nodes.ts';
import { LeaderHints } from './leader-hints.ts';
import { Liveness } from './liveness/liveness.ts';
import { Membership } from './membership.ts';
import { type ClusterMap, theCluster } from './metadata/protocol.ts';
import { type Channel, Channels, channel } from './mesh/channels.ts';
import type { Transport } from './mesh/transport.ts';
import { OwnCommands } from './own-commands.ts';
import { type Desired, desiredOf } from './placement/desired.ts';
import { Mover } from './placement/mover.ts';
import type { Configuration } from './raft/protocol.ts';
import { clusterTarget } from './routing/cluster-target.ts';
import { Gathering } from './routing/gathering.ts';
import { HintSpread } from './routing/hints.ts';
import { NoticeMail } from './routing/notice-mail.ts';
import { PeerCalls } from './routing/peer-calls.ts';
import { RemoteBodies } from './routing/remote-bodies.ts';
import { Router } from './routing/router.ts';

/** A node that stops gives its shards away first; who does not take them in this time elects by itself. */
const handOverMsMax = 1_500;
const handOverLookMs = 10;

export class Cluster implements CoreCluster {
  readonly host: GroupHost;
  readonly liveness: Liveness;
  readonly router: Router;
  readonly route: NoticeMail;
  readonly membership: Membership;
  readonly mover: Mover;
  readonly hints: HintSpread;
  readonly #calls: PeerCalls;
  readonly #o: ClusterOptions;
  readonly #leaders: LeaderHints;
  readonly #heard: HeardNodes;
  readonly #channels: Channels;
  #desired: Desired | null = null;
  readonly #stops: (() => void)[] = [];
  #engine: Engine | undefined;

  constructor(options: ClusterOptions) {
    this.#o = options;
    const { transport, events } = options;
    this.#channels = new Channels(transport, (from, what) => events.refused(from, what, null));
    this.#leaders = new LeaderHints((shard) => {
      this.router.leaderChanged(shard);
      events.led?.(shard);
    });
    this.liveness = this.#newLiveness();
    this.#heard = new HeardNodes({
      ...{ self: options.parts.self, known: options.known, map: () => this.membership.map },
      changed: (nodes) => this.liveness.members(nodes),
    });
    this.#channels.of(channel.liveness).listen({
      received: (from, lane, frame) => this.liveness.received(from, lane, frame),
      linked: (peer) => {
        this.#heard.linked(peer);
        this.liveness.linked(peer);
      },
      unlinked: (peer) => {
        this.liveness.unlinked(peer);
        this.#heard.unlinked(peer);
      },
      linkRefused: (peer) => this.liveness.linkRefused(peer),
    });
    this.host = this.#newHost();
    this.#calls = this.#newCalls();
    this.router = this.#newRouter();
    this.route = this.#newNoticeMail();
    const { clock } = options.parts;
    const linkedPeers = (): readonly NodeId[] => this.#linkedPeers();
    this.hints = new HintSpread({ calls: this.#calls, clock, linkedPeers, kinds: options.hintedKinds ?? [] });
    this.mover = this.#newMover();
    this.membership = this.#newMembership();
  }

  /** The engine is there, and does not run yet. */
  connect(engine: Engine): void {
    this.#engine = engine;
    for (const { shard, role, term, leader, configuration } of this.host.status()) {
      this.liveness.roleChanged(shard, { role, term, leader });
      this.#leaders.learned(shard, leader, term);
      this.#tellCandidates(shard, configuration);
    }
    this.#stops.push(this.hints.follow(engine));
    this.membership.start();
    this.liveness.start();
    this.mover.start();
    this.#o.events.connected?.();
  }

  /** For others that speak over the same transport. */
  channel(id: Channel): Transport {
    return this.#channels.of(id);
  }

  /** A hint. */
  leaderOf(shard: ShardId): NodeId | null {
    return this.#leaders.of(shard);
  }

  get log(): NodeLog {
    return this.host;
  }

  get desired(): Desired | null {
    return this.#desired;
  }

  /** What this node offers its edges, made into what the cluster offers. To be called once. */
  wholeTarget(local: CoreTarget): CoreTarget {
    const { self, clock, shardCount, store } = this.#o.parts;
    const calls = this.#calls;
    const isAlive = (node: NodeId): boolean => this.liveness.isAlive(node);
    const members = (): readonly NodeId[] => this.liveness.peers().map(({ node }) => node);
    const bodies = new RemoteBodies({
      ...{ calls, isAlive, members },
      readHere: (hash, range) => local.readBody(hash, range),
      sizeHere: (hash) => bodyInfo(store, hash)?.sizeBytes,
    });
    const gathering = new Gathering({
      ...{ self, clock, calls, shardCount, isAlive, members },
      serves: (shard) => this.host.serves(shard),
      leaderOf: (shard) => this.#leaders.of(shard),
      inspectHere: (topic, argument) => local.inspect(topic, argument),
      alsoAsked: new Set(['cluster']),
    });
    return clusterTarget(local, { router: this.router, bodies, gathering });
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    this.membership.stop();
    this.mover.stop();
    this.router.stop();
    this.route.stop();
    this.#calls.stop();
    this.liveness.stop();
    this.host.stop();
    await this.#o.events.stopped?.();
  }

  /** The node is about to stop: settles when others lead what it led, or after a moment. */
  async handOver(): Promise<void> {
    const { clock } = this.#o.parts;
    const endMs = clock.monotonicMs() + handOverMsMax;
    this.mover.stop();
    while (this.#giveAway() > 0 && clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => void clock.after(handOverLookMs, resolve));
    }
  }

  // ---- what ties the parts together ------------------------------------------------------------------------------

  /** Gives what is led here to whoever is alive. @returns how many groups somebody could take that are led here still */
  #giveAway(): number {
    const { self } = this.#o.parts;
    let left = 0;
    for (const { shard, role, configuration } of this.host.status()) {
      if (role !== 'leader') continue;
      const to = this.#candidates(shard, configuration).find((node) => node !== self && this.liveness.isAlive(node));
      if (to === undefined) continue;
      left++;
      this.host.transfer(shard, to, () => undefined);
    }
    return left;
  }

  #candidates(shard: ShardId, configuration: Configuration): readonly NodeId[] {
    const { voters, witness } = configuration;
    const mayLead = voters.filter((node) => node !== witness);
    if (this.#desired !== null) return this.#desired.candidates(shard, mayLead);
    // As long as no map says more, each has its turn.
    const sorted = mayLead.sort();
    const first = sorted.length === 0 ? 0 : shard % sorted.length;
    return [...sorted.slice(first), ...sorted.slice(0, first)];
  }

  #tellCandidates(shard: ShardId, configuration: Configuration): void {
    this.liveness.replicas(shard, this.#candidates(shard, configuration));
  }

  #mapChanged(map: ClusterMap): void {
    const { events, parts } = this.#o;
    this.#desired = desiredOf(map, this.#desired);
    this.#heard.mapChanged();
    for (const { shard, configuration } of this.host.status()) this.#tellCandidates(shard, configuration);
    this.mover.wake();
    events.mapChanged(map);
    const own = map.nodes.find(({ id }) => id === parts.self);
    if (own?.state === 'removed') parts.fatal(removedHere(parts.self));
  }

  /** Committed rows of this node's own copy. */
  #readMap(): ClusterMap | null {
    const { parts } = this.#o;
    if (!this.host.holds(metadataShard(parts.shardCount))) return null;
    let found: Outcome | undefined;
    const principal = { kind: 'node', id: parts.self } as const;
    const query = { ...theCluster, query: { kind: 'map' }, principal, local: true } as const;
    this.#engine?.query(query, (outcome) => {
      found = outcome;
    });
    invariant(found !== undefined, 'a local query answers at once');
    return found.ok ? (found.answer as ClusterMap | null) : null;
  }

  #newHost(): GroupHost {
    const { parts, configurationOf, host, events, found } = this.#o;
    const { self, shardCount, ...others } = parts;
    const alone = { voters: found === undefined ? [] : [self], learners: [], witness: null };
    return new GroupHost({
      ...{ self, ...others, ...host },
      shardCount: groupCount(shardCount),
      transport: this.#channels.of(channel.groups),
      configurationOf: configurationOf ?? (() => alone),
      hearsLeader: (shard) => this.liveness.hearsLeader(shard),
      watch: {
        roleChanged: (shard, is) => {
          this.liveness.roleChanged(shard, is);
          this.#later(() => {
            this.#leaders.learned(shard, is.leader, is.term);
            this.mover.wake();
          });
        },
        membersChanged: (shard, configuration) => {
          this.#tellCandidates(shard, configuration);
          this.#later(() => this.mover.wake());
        },
        applied: (shard) => {
          if (shard === metadataShard(shardCount)) this.membership.stateChanged();
        },
      },
      refusedFrame: (from, error) => events.refused(from, 'a frame of groups', error),
      different: (shard, verdict) => events.damage(`replicas differ: ${JSON.stringify(verdict)}`, shard),
      rotten: (shard) => events.damage('a row does not pass its checksum', shard),
    });
  }

  /** Not from within a step of the host. */
  #later(act: () => void): void {
    this.#o.parts.clock.soon(act);
  }

  #newLiveness(): Liveness {
    const { parts, incarnation, known, events, work } = this.#o;
    const { self, clock, random } = parts;
    return new Liveness({
      ...{ self, incarnation, clock, random },
      members: [self, ...known.filter((node) => node !== self)],
      transport: this.#channels.of(channel.liveness),
      work: work ?? (() => ({ commitMs: this.host.writingMs, turnMs: 0 })),
      events: {
        alive: (node, isAlive) => {
          this.host.alive(node, isAlive);
          this.router.aliveChanged(node, isAlive);
          this.mover.lifeChanged();
          events.alive(node, isAlive);
        },
        claimed: (node, claims) => {
          this.host.claimed(node, claims);
          this.#leaders.claimed(node, claims);
        },
        campaign: (groups) => {
          events.campaigns?.(groups.length);
          this.host.campaign(groups);
        },
        shouldLead: (shouldLead, reason) => {
          events.shouldLead(shouldLead, reason);
          this.mover.wake();
        },
        refused: (node, reason) => events.refused(node, reason, null),
      },
    });
  }

  #linkedPeers(): readonly NodeId[] {
    const { transport } = this.#o;
    return this.liveness
      .peers()
      .map(({ node }) => node)
      .filter((node) => transport.isLinked(node));
  }

  #newCalls(): PeerCalls {
    const { parts, events } = this.#o;
    return new PeerCalls({
      transport: this.#channels.of(channel.calls),
      clock: parts.clock,
      limits: parts.limits,
      reports: { refusedFrame: (from, error) => events.refused(from, 'a call', error) },
    });
  }

  #newRouter(): Router {
    const { self, clock, random, shardCount, limits } = this.#o.parts;
    return new Router({
      ...{ self, clock, random, limits, calls: this.#calls },
      engine: {
        ask: (request, settle) => this.#engine!.ask(request, settle),
        query: (request, settle) => this.#engine!.query(request, settle),
      },
      shardOf: (kind, key) => shardOf(kind, key, shardCount),
      serves: (shard) => this.host.serves(shard),
      holds: (shard) => this.host.holds(shard),
      leaderOf: (shard) => this.#leaders.of(shard),
      isAlive: (node) => this.liveness.isAlive(node),
      linkedPeers: () => this.#linkedPeers(),
    });
  }

  #newNoticeMail(): NoticeMail {
    const { parts, events } = this.#o;
    const { self, clock, store, shardCount } = parts;
    return new NoticeMail({
      ...{ self, clock, valueBounds: this.#calls.valueBounds },
      transport: this.#channels.of(channel.notices),
      shards: groupCount(shardCount),
      serves: (shard) => this.host.serves(shard),
      leaderOf: (shard) => this.#leaders.of(shard),
      isAlive: (node) => this.liveness.isAlive(node),
      linkedPeers: () => this.#linkedPeers(),
      bodies: {
        size: (hash) => bodyInfo(store, hash)?.sizeBytes,
        read: (hash, offset, length) => readBody(store, hash, { offset, length }),
      },
      receive: (received) => this.#engine!.receiveNotice(received),
      reports: {
        refusedFrame: (from, error) => events.refused(from, 'a notice', error),
        undeliverable: (error) => events.undeliverable(error),
      },
    });
  }

  #newMover(): Mover {
    const { clock, random, self } = this.#o.parts;
    return new Mover({
      ...{ self, clock, random, host: this.host },
      desired: () => this.#desired,
      peers: () => this.liveness.peers(),
      mayLead: () => this.liveness.mayLead,
    });
  }

  #newMembership(): Membership {
    const { parts, about, incarnation, marks, found, events } = this.#o;
    const { self, clock, random, fatal } = parts;
    const commands = new OwnCommands(this.router, self, random);
    return new Membership({
      ...{ self, clock, about, incarnation, marks, commands, fatal },
      readMap: () => this.#readMap(),
      found: found === undefined ? undefined : () => found(commands),
      changed: (map) => this.#mapChanged(map),
      waits: (error) => events.waits(error),
    });
  }
}
