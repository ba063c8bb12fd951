/**
 * Hosts of Raft groups on memory stores, joined by a network whose every frame, cut and crash the test decides.
 *
 * Nothing moves by itself: `turn` runs what is due and brings frames, `commit` makes a node's oldest transaction durable,
 * `settle` does both until nothing moves. Time moves by `clock.advance` alone.
 */
import assert from 'node:assert/strict';
import type { Transport, TransportEvents } from '../../cluster/mesh/transport.ts';
import { GroupHost, type HostOptions } from '../../cluster/groups/host.ts';
import type { Configuration } from '../../cluster/raft/protocol.ts';
import type { WriteSet } from '../../runtime/actor/log.ts';
import { type LogIndex, nodeId, type NodeId, type ShardId, shardId, type Term } from '../../runtime/base/ids.ts';
import { limits } from '../../runtime/base/limits.ts';
import { pack, unpack } from '../../runtime/codec/codec.ts';
import { BodyTracker } from '../../runtime/store/bodies.ts';
import { LayeredStore } from '../../runtime/store/layered-store.ts';
import { MemoryDisk, MemoryStore } from '../../runtime/store/memory-store.ts';
import { FakeClock } from './fake-clock.ts';

const roundsMax = 5_000;

interface Sent {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly lane: 'control' | 'log' | 'bulk';
  readonly frame: unknown;
}

export interface GroupsWorldOptions {
  readonly nodes: readonly string[];
  readonly shardCount?: number;
  readonly configuration?: Configuration;
  /** Of shards that have another one. */
  readonly configurations?: ReadonlyMap<number, Configuration>;
  readonly limits?: Partial<HostOptions['limits']>;
  readonly settings?: HostOptions['settings'];
  readonly batchesKept?: number;
  /** Of the first node. */
  readonly disk?: MemoryDisk;
}

export class GroupsNode {
  readonly name: string;
  readonly id: NodeId;
  disk: MemoryDisk;
  tree!: MemoryStore;
  store!: LayeredStore;
  bodies!: BodyTracker;
  host!: GroupHost;
  isUp = false;
  readonly fatals: unknown[] = [];
  readonly refusedFrames: unknown[] = [];
  /** `shard:index`, in the order in which they were told. */
  commits: string[] = [];
  /** How often it was told of commits, of none as well. */
  tellings = 0;
  /** `served 0 in 3`, `lost 0`. */
  roles: string[] = [];
  transactions = 0;
  /** Timers that it has set. */
  timers = 0;
  releases: (() => void)[] = [];
  readonly suspects = new Set<NodeId>();
  /** What each peer was heard to claim; of others, their msgs have to do. */
  readonly claims = new Map<NodeId, Map<ShardId, Term>>();

  constructor(name: string, disk: MemoryDisk) {
    this.name = name;
    this.id = nodeId(name);
    this.disk = disk;
  }
}

export class GroupsWorld {
  readonly clock = new FakeClock();
  readonly nodes: ReadonlyMap<string, GroupsNode>;
  readonly shardCount: number;
  readonly configuration: Configuration;
  /** All frames that were handed to the network. */
  framesSent: Sent[] = [];
  readonly #o: GroupsWorldOptions;
  #network: Sent[] = [];
  readonly #cuts = new Set<string>();
  #change: ((sent: Sent) => unknown) | undefined;
  readonly #events = new Map<NodeId, TransportEvents>();

  constructor(options: GroupsWorldOptions) {
    this.#o = options;
    this.shardCount = options.shardCount ?? 2;
    this.nodes = new Map(
      options.nodes.map((name, at) => [
        name,
        new GroupsNode(name, at === 0 && options.disk !== undefined ? options.disk : new MemoryDisk()),
      ]),
    );
    this.configuration = options.configuration ?? {
      voters: options.nodes.map(nodeId),
      learners: [],
      witness: null,
    };
    for (const name of options.nodes) this.start(name);
  }

  node(name: string): GroupsNode {
    const node = this.nodes.get(name);
    assert.ok(node !== undefined, `there is a node ${name}`);
    return node;
  }

  host(name: string): GroupHost {
    return this.node(name).host;
  }

  start(name: string): void {
    const node = this.node(name);
    node.releases = [];
    node.tree = new MemoryStore({ disk: node.disk, settle: (apply) => node.releases.push(apply) });
    node.store = new LayeredStore(node.tree);
    node.bodies = new BodyTracker(node.store);
    node.commits = [];
    node.roles = [];
    node.suspects.clear();
    node.claims.clear();
    node.isUp = true;
    let seed = 0;
    const host = new GroupHost({
      self: node.id,
      tree: node.tree,
      store: node.store,
      bodies: node.bodies,
      shardCount: this.shardCount,
      clock: this.#clockOf(node),
      random: { bytes: (count) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)) },
      transport: this.#transport(node),
      limits: { ...limits, ...this.#o.limits },
      hearsLeader: (shard) => this.#hearsLeader(node, shard),
      watch: {
        // It acts as the leader: that says more than a list that was made before it won.
        roleChanged: (shard, { term, leader }) => {
          if (leader !== null) node.claims.get(leader)?.set(shard, term);
        },
        membersChanged: () => undefined,
      },
      configurationOf: (shard) => this.#o.configurations?.get(shard) ?? this.configuration,
      ...(this.#o.settings === undefined ? {} : { settings: this.#o.settings }),
      ...(this.#o.batchesKept === undefined ? {} : { batchesKept: this.#o.batchesKept }),
      observe: () => node.transactions++,
      refusedFrame: (_from, error) => node.refusedFrames.push(error),
      fatal: (error) => node.fatals.push(error),
    });
    node.host = host;
    host.onCommitted((of) => {
      node.tellings++;
      node.commits.push(...of.map(({ shard, index }) => `${shard}:${index}`));
    });
    host.onRole({
      served: (shard, term) => node.roles.push(`served ${shard} in ${term}`),
      lost: (shard) => node.roles.push(`lost ${shard}`),
    });
    for (const other of this.nodes.values()) {
      if (other !== node && other.isUp) this.#link(node.id, other.id);
    }
  }

  /** As `kill -9`, or a power loss that keeps the oldest `writesKept` transactions. */
  crash(name: string, writesKept = 0): void {
    const node = this.node(name);
    node.isUp = false;
    node.host.stop();
    node.tree.halt(writesKept);
    node.releases = [];
    this.#network = this.#network.filter(({ from, to }) => from !== node.id && to !== node.id);
    this.#events.delete(node.id);
  }

  cut(a: string, b: string): void {
    this.#cuts.add(`${a} ${b}`).add(`${b} ${a}`);
    const pair = [a, b];
    this.#network = this.#network.filter(({ from, to }) => !(pair.includes(from) && pair.includes(to)));
  }

  heal(a: string, b: string): void {
    this.#cuts.delete(`${a} ${b}`);
    this.#cuts.delete(`${b} ${a}`);
    this.#link(nodeId(a), nodeId(b));
  }

  /** Liveness's word, to all others. */
  suspect(name: string): void {
    for (const node of this.nodes.values()) {
      if (!node.isUp || node.name === name) continue;
      node.suspects.add(nodeId(name));
      node.host.alive(nodeId(name), false);
    }
  }

  lives(name: string): void {
    for (const node of this.nodes.values()) {
      if (!node.isUp || node.name === name) continue;
      node.suspects.delete(nodeId(name));
      node.host.alive(nodeId(name), true);
    }
  }

  /** What is sent from now on arrives as `change` makes it; undefined: it does not. */
  intercept(change: ((sent: Sent) => unknown) | undefined): void {
    this.#change = change;
  }

  /** A frame that no host would send. */
  deliver(from: string, to: string, frame: unknown): void {
    this.#events.get(nodeId(to))?.received(nodeId(from), 'log', frame);
  }

  /** What is due now runs, and each frame that was on its way arrives. */
  async turn(): Promise<void> {
    for (let job = 0; job < 6; job++) await Promise.resolve();
    this.clock.runSoon();
    const arriving = this.#network;
    this.#network = [];
    for (const { from, to, lane, frame } of arriving) this.#events.get(to)?.received(from, lane, frame);
    for (let job = 0; job < 6; job++) await Promise.resolve();
    this.clock.runSoon();
  }

  /** The node's oldest transaction becomes durable. */
  async commit(name: string): Promise<void> {
    this.node(name).releases.shift()?.();
    for (let job = 0; job < 6; job++) await Promise.resolve();
  }

  /** Turns and transactions until nothing moves. */
  async settle(): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      await this.turn();
      let isQuiet = this.#network.length === 0;
      for (const node of this.nodes.values()) {
        if (!node.isUp || node.releases.length === 0) continue;
        isQuiet = false;
        await this.commit(node.name);
      }
      this.requireSound();
      if (!isQuiet) continue;
      await this.turn();
      if (this.#network.length === 0 && [...this.nodes.values()].every(({ releases }) => releases.length === 0)) return;
    }
    assert.fail('it comes to rest');
  }

  /** Time goes on in steps, and all that it sets off is done. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let at = 0; at < ms; at += stepMs) {
      this.clock.advance(stepMs);
      await this.settle();
    }
  }

  async elect(name: string, shards: readonly number[] = this.shards): Promise<void> {
    this.host(name).campaign(shards.map(shardId));
    await this.settle();
  }

  get shards(): readonly number[] {
    return Array.from({ length: this.shardCount }, (_, shard) => shard);
  }

  /** Appends at the leader; the turn is over with it. */
  append(name: string, shard: number, changes: Partial<WriteSet>): LogIndex {
    const { host } = this.node(name);
    const id: ShardId = shardId(shard);
    const timeMs = Math.max(host.lastTimeMs(id) + 1, this.clock.nowMs());
    const index = host.append(id, { timeMs, rows: [], holds: [], bodies: [], ...changes });
    host.flush();
    return index;
  }

  /** Liveness's pings: every node hears what the living others that it is linked to claim to lead. */
  exchangeClaims(): void {
    for (const from of this.nodes.values()) {
      for (const to of this.nodes.values()) {
        if (from === to || !from.isUp || !to.isUp || this.#cuts.has(`${from.id} ${to.id}`)) continue;
        const claims = from.host.claims();
        to.claims.set(from.id, new Map(claims));
        to.host.claimed(from.id, claims);
      }
    }
  }

  /** As liveness has it: the leader lives, and claims the shard in this replica's term or a later one. */
  #hearsLeader(node: GroupsNode, shard: ShardId): boolean {
    const { term, leader } = node.host.status()[shard]!;
    if (leader === null || leader === node.id || node.suspects.has(leader)) return false;
    if (!this.#events.has(leader) || this.#cuts.has(`${node.id} ${leader}`)) return false;
    const claims = node.claims.get(leader);
    return claims === undefined || (claims.get(shard) ?? 0) >= term;
  }

  requireSound(): void {
    for (const node of this.nodes.values()) {
      for (const cause of [...node.fatals, ...node.refusedFrames]) throw new Error(`at ${node.name}`, { cause });
    }
  }

  #link(a: NodeId, b: NodeId): void {
    if (this.#cuts.has(`${a} ${b}`)) return;
    this.#events.get(a)?.linked(b);
    this.#events.get(b)?.linked(a);
  }

  #transport(node: GroupsNode): Transport {
    const isLinked = (peer: NodeId): boolean => this.#events.has(peer) && !this.#cuts.has(`${node.id} ${peer}`);
    return {
      listen: (events) => void this.#events.set(node.id, events),
      send: (to, lane, frame) => {
        const sent = { from: node.id, to, lane, frame: unpack(pack(frame)) };
        this.framesSent.push(sent);
        const arriving = this.#change === undefined ? sent : { ...sent, frame: this.#change(sent) };
        if (arriving.frame === undefined) return;
        if (node.isUp && isLinked(to)) this.#network.push(arriving);
      },
      isLinked,
      bytesInFlight: () => 0,
    };
  }

  /** A dead node's timers do not fire. */
  #clockOf(node: GroupsNode) {
    const { clock } = this;
    const { tree } = node;
    const lives = (): boolean => node.isUp && node.tree === tree;
    return {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs: number, wake: () => void) => {
        node.timers++;
        return clock.after(delayMs, () => lives() && wake());
      },
      soon: (wake: () => void) => clock.soon(() => lives() && wake()),
    };
  }
}
