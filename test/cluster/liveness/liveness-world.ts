/**
 * A few nodes with the real liveness and the real Raft cores of their groups, over a scripted network in virtual time.
 *
 * Faults are verbs: kill, start, pause, cut (one way or both), slow, hang a disk. Only the transport, the clock and the
 * disks are the test's own.
 */
import { Liveness } from '../../../cluster/liveness/liveness.ts';
import type { Settings } from '../../../cluster/raft/protocol.ts';
import type { Lane } from '../../../cluster/mesh/transport.ts';
import type { Clock } from '../../../runtime/base/clock.ts';
import { type NodeId, nodeId, type ShardId, shardId } from '../../../runtime/base/ids.ts';
import { Dice } from '../../sim/world/random.ts';
import { type Disk, emptyDisk, SimpleHost } from '../raft/simple-host.ts';
import { Happenings } from './happenings.ts';

const raftSettings: Settings = { windowBytesMax: 1 << 20, appendBytesMax: 1 << 16, retryMs: 200, transferMsMax: 2_000 };

export interface Told {
  readonly atMs: number;
  readonly at: NodeId;
  readonly kind: 'alive' | 'suspect' | 'campaign' | 'shouldLead' | 'refused' | 'claimed';
  readonly about: string;
  readonly groups: readonly ShardId[];
}

/** One life of a node. */
class Life {
  isDead = false;
  pausedUntilMs = 0;
  /** Timers first: a process that wakes finds its timers due before it reads its sockets. */
  readonly deferred: { readonly isTimer: boolean; readonly run: () => void }[] = [];
  readonly hosts = new Map<ShardId, SimpleHost>();
  liveness!: Liveness;
}

export class LivenessWorld {
  nowMs = 0;
  readonly ids: readonly NodeId[];
  readonly groups: readonly ShardId[];
  readonly told: Told[] = [];
  readonly dice: Dice;
  readonly lives = new Map<NodeId, Life>();
  framesSent = 0;
  delayMs = (): number => 1;
  fsyncMs = (_at: NodeId): number => 2;
  lossOf = (_from: NodeId, _to: NodeId): number => 0;
  wallOffMs = new Map<NodeId, number>();
  commitMs = new Map<NodeId, number>();
  /** The candidates of a group in the order of its preference list. */
  readonly preference: (group: ShardId) => readonly NodeId[];
  readonly #witness: NodeId | null;
  readonly #disks = new Map<string, Disk>();
  readonly #incarnations = new Map<NodeId, number>();
  readonly #cuts = new Set<string>();
  readonly #lastArrival = new Map<string, number>();
  readonly #happenings = new Happenings();

  constructor(options: { nodes?: number; groups?: number; seed?: number; replicas?: number; witness?: string }) {
    const { nodes = 3, groups = 4, seed = 1, replicas = nodes, witness } = options;
    this.dice = new Dice(`liveness ${seed}`);
    this.ids = Array.from({ length: nodes }, (_, i) => nodeId(`n${i + 1}`));
    this.groups = Array.from({ length: groups }, (_, i) => shardId(i));
    this.#witness = witness === undefined ? null : nodeId(witness);
    this.preference = (group) => Array.from({ length: replicas }, (_, i) => this.ids[(group + i) % nodes] as NodeId);
  }

  // ---- faults ------------------------------------------------------------------------------------------------------

  start(...names: string[]): void {
    for (const name of names.length === 0 ? this.ids : names.map(nodeId)) this.#start(name);
  }

  /** Power is lost: nothing that was not durable is kept; the others see the link close, and a new one refused. */
  kill(name: string): void {
    const node = nodeId(name);
    const life = this.#life(node);
    life.isDead = true;
    life.liveness.stop();
    this.lives.delete(node);
    for (const peer of this.ids) {
      if (peer === node) continue;
      this.at(1, peer, () => this.#life(peer).liveness.unlinked(node));
      this.#tryToLink(peer, node, 5);
    }
  }

  pause(name: string, forMs: number): void {
    const life = this.#life(nodeId(name));
    life.pausedUntilMs = this.nowMs + forMs;
    this.#after(forMs, () => this.#resume(life));
  }

  /** Frames vanish on the way, as in a partition: no link closes. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  cutBoth(a: string, b: string): void {
    this.cut(a, b);
    this.cut(b, a);
  }

  /** Links that were cut are new ones: what was on its way is lost. */
  heal(): void {
    const pairs = [...this.#cuts].map((cut) => cut.split('>') as [string, string]);
    this.#cuts.clear();
    for (const [from, to] of pairs) this.flap(from, to);
  }

  /** The link closes and opens again. */
  flap(a: string, b: string): void {
    for (const [at, peer] of [
      [nodeId(a), nodeId(b)],
      [nodeId(b), nodeId(a)],
    ] as const) {
      if (!this.lives.has(at) || !this.lives.has(peer)) continue;
      this.at(1, at, () => this.#life(at).liveness.unlinked(peer));
      this.at(20, at, () => this.#linked(at, peer));
    }
  }

  host(name: string, group: number): SimpleHost {
    return this.#life(nodeId(name)).hosts.get(shardId(group)) as SimpleHost;
  }

  liveness(name: string): Liveness {
    return this.#life(nodeId(name)).liveness;
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      const next = this.#happenings.takeUntil(untilMs);
      if (next === null) break;
      this.nowMs = next.atMs;
      next.run();
    }
    this.nowMs = untilMs;
  }

  /** @returns how long it took */
  runUntil(isTrue: () => boolean, withinMs: number, what = 'it'): number {
    const fromMs = this.nowMs;
    while (!isTrue()) {
      if (this.nowMs - fromMs >= withinMs)
        throw new Error(`${what} did not come about within ${withinMs} ms\n${this.story()}`);
      this.run(5);
    }
    return this.nowMs - fromMs;
  }

  // ---- what is to be seen --------------------------------------------------------------------------------------------

  /** Who leads in the latest term, among those that are up. */
  leaderOf(group: number): string | null {
    let best: { term: number; node: NodeId } | null = null;
    for (const [node, { hosts }] of this.lives) {
      const raft = hosts.get(shardId(group))?.group;
      if (raft?.role === 'leader' && raft.term > (best?.term ?? -1)) best = { term: raft.term, node };
    }
    return best?.node ?? null;
  }

  /** Every group has one leader, all its living replicas follow it (a witness after a write), nobody wants another one. */
  isSettled(): boolean {
    return this.unsettled().length === 0;
  }

  unsettled(): string[] {
    const problems: string[] = [];
    for (const group of this.groups) {
      const leader = this.leaderOf(group);
      for (const [node, { hosts }] of this.lives) {
        const raft = hosts.get(group)?.group;
        const isContent = raft?.leader === leader || (node === this.#witness && raft?.leader === null);
        if (raft === undefined || (isContent && leader !== null)) continue;
        problems.push(`${node} group ${group}: ${raft.role} ${raft.term} follows ${raft.leader}, leader is ${leader}`);
      }
    }
    for (const [node, { liveness }] of this.lives) {
      for (const group of liveness.wanting()) problems.push(`${node} wants a leader of group ${group}`);
      for (const peer of liveness.peers()) {
        const isUp = this.lives.has(peer.node);
        if (isUp !== (peer.status === 'alive')) problems.push(`${node} takes ${peer.node} for ${peer.status}`);
      }
    }
    return problems;
  }

  campaigns(sinceMs = 0): Told[] {
    return this.told.filter(({ kind, atMs }) => kind === 'campaign' && atMs >= sinceMs);
  }

  toldBy(name: string, kind: Told['kind'], sinceMs = 0): Told[] {
    return this.told.filter((told) => told.at === name && told.kind === kind && told.atMs >= sinceMs);
  }

  story(): string {
    return [
      ...this.told
        .slice(-60)
        .map(({ atMs, at, kind, about, groups }) => `${atMs} ${at} ${kind} ${about} ${groups.join(',')}`),
      ...this.unsettled().slice(0, 20),
    ].join('\n');
  }

  // ---- machinery -----------------------------------------------------------------------------------------------------

  /** Runs in the present life of the node, when it is not paused. */
  at(delayMs: number, node: NodeId, run: () => void, isTimer = false): void {
    const life = this.lives.get(node);
    if (life === undefined) return;
    this.#after(delayMs, () => this.#within(life, run, isTimer));
  }

  #start(node: NodeId): void {
    const life = new Life();
    const incarnation = (this.#incarnations.get(node) ?? 0) + 1;
    this.#incarnations.set(node, incarnation);
    this.lives.set(node, life);
    life.liveness = new Liveness({
      self: node,
      incarnation,
      members: this.ids,
      clock: this.#clock(node),
      random: this.dice.split(`${node} ${incarnation}`),
      transport: {
        send: (to, lane, frame) => this.#send(node, to, lane, frame),
        isLinked: (peer) => this.lives.has(peer),
      },
      events: {
        alive: (peer, isAlive) => {
          this.#tell(node, isAlive ? 'alive' : 'suspect', peer);
          for (const id of life.hosts.keys()) this.#step(node, life, id, { kind: 'alive', node: peer, isAlive });
        },
        claimed: (leader, claims) => {
          this.#tell(
            node,
            'claimed',
            leader,
            claims.map(([id]) => id),
          );
          for (const [id, term] of claims)
            if (life.hosts.has(id)) this.#step(node, life, id, { kind: 'claimed', leader, term });
        },
        campaign: (ids) => {
          this.#tell(node, 'campaign', '', ids);
          for (const id of ids) this.#step(node, life, id, { kind: 'campaign' });
        },
        shouldLead: (shouldLead, reason) => this.#tell(node, 'shouldLead', `${shouldLead}: ${reason}`),
        refused: (peer, reason) => this.#tell(node, 'refused', `${peer}: ${reason}`),
      },
      work: () => ({ commitMs: this.commitMs.get(node) ?? 0, turnMs: 0 }),
    });
    for (const group of this.groups) this.#restore(node, life, group);
    life.liveness.start();
    for (const peer of this.ids) {
      if (peer === node) continue;
      this.#tryToLink(node, peer, 2);
      if (this.lives.has(peer)) this.at(2, peer, () => this.#linked(peer, node));
    }
  }

  #restore(node: NodeId, life: Life, group: ShardId): void {
    const voters = this.preference(group);
    if (!voters.includes(node)) return;
    const key = `${node} ${group}`;
    const witness = voters.find((voter) => voter === this.#witness) ?? null;
    const disk = this.#disks.get(key) ?? emptyDisk({ voters, learners: [], witness });
    this.#disks.set(key, disk);
    const host = new SimpleHost(node, disk, raftSettings, (outgoing) => {
      this.#send(node, outgoing.to, 'log', { group, message: outgoing.message });
    });
    life.hosts.set(group, host);
    const candidates = voters.filter((voter) => voter !== witness);
    life.liveness.replicas(group, candidates);
    const { role, term, leader } = host.group;
    life.liveness.roleChanged(group, { role, term, leader });
  }

  #step(node: NodeId, life: Life, group: ShardId, event: Parameters<SimpleHost['handle']>[0]): void {
    const host = life.hosts.get(group) as SimpleHost;
    const pending = host.pending;
    const effects = host.handle(event, this.nowMs);
    if (effects.role !== null) life.liveness.roleChanged(group, effects.role);
    if (host.pending > pending) {
      this.at(this.fsyncMs(node), node, () => {
        for (const persisted of host.flush(1)) this.#step(node, life, group, persisted);
      });
    }
    const { wakeAtMs } = host.group;
    if (wakeAtMs !== null)
      this.at(Math.max(1, Math.ceil(wakeAtMs - this.nowMs)), node, () => this.#due(node, life, group), true);
  }

  #due(node: NodeId, life: Life, group: ShardId): void {
    const { wakeAtMs } = (life.hosts.get(group) as SimpleHost).group;
    if (wakeAtMs !== null && wakeAtMs <= this.nowMs) this.#step(node, life, group, { kind: 'time' });
  }

  transfer(group: number, to: string): void {
    const node = nodeId(this.leaderOf(group) as string);
    this.#step(node, this.#life(node), shardId(group), { kind: 'transfer', to: nodeId(to) });
  }

  propose(group: number): void {
    const leader = this.leaderOf(group);
    if (leader === null) return;
    const node = nodeId(leader);
    this.#step(node, this.#life(node), shardId(group), { kind: 'propose', entries: [{ bytes: 10, payload: 'x' }] });
  }

  #send(from: NodeId, to: NodeId, lane: Lane, frame: unknown): void {
    this.framesSent++;
    if (this.#cuts.has(`${from}>${to}`) || this.dice.chance(this.lossOf(from, to))) return;
    const target = this.lives.get(to);
    if (target === undefined) return;
    const way = `${from}>${to}`;
    const arrivalMs = Math.max(this.nowMs + this.delayMs(), this.#lastArrival.get(way) ?? 0);
    this.#lastArrival.set(way, arrivalMs);
    const sender = this.lives.get(from);
    this.#after(arrivalMs - this.nowMs, () => {
      if (this.#cuts.has(way) || sender?.isDead !== false) return;
      this.#within(target, () => this.#receive(from, to, target, lane, frame), false);
    });
  }

  #receive(from: NodeId, to: NodeId, life: Life, lane: Lane, frame: unknown): void {
    if (lane === 'control') {
      life.liveness.received(from, lane, frame);
      return;
    }
    const { group, message } = frame as {
      group: ShardId;
      message: Extract<Parameters<SimpleHost['handle']>[0], { kind: 'message' }>['message'];
    };
    const hearsLeader = life.liveness.hearsLeader(group);
    this.#step(to, life, group, { kind: 'message', from, message, hearsLeader });
  }

  #linked(at: NodeId, peer: NodeId): void {
    const life = this.#life(at);
    life.liveness.linked(peer);
    for (const id of life.hosts.keys()) this.#step(at, life, id, { kind: 'linkReset', node: peer });
  }

  #tryToLink(at: NodeId, peer: NodeId, inMs: number): void {
    this.at(inMs, at, () => {
      if (this.lives.has(peer)) {
        this.#linked(at, peer);
        return;
      }
      this.#life(at).liveness.linkRefused(peer);
    });
  }

  #within(life: Life, run: () => void, isTimer: boolean): void {
    if (life.isDead) return;
    if (this.nowMs < life.pausedUntilMs) life.deferred.push({ isTimer, run });
    else run();
  }

  #resume(life: Life): void {
    if (this.nowMs < life.pausedUntilMs) return;
    const deferred = life.deferred.splice(0);
    for (const { isTimer, run } of deferred) if (isTimer && !life.isDead) run();
    for (const { isTimer, run } of deferred) if (!isTimer && !life.isDead) run();
  }

  #clock(node: NodeId): Clock {
    return {
      nowMs: () => 1_800_000_000_000 + this.nowMs + (this.wallOffMs.get(node) ?? 0),
      monotonicMs: () => this.nowMs,
      after: (delayMs, wake) => {
        let isCancelled = false;
        this.at(delayMs, node, () => isCancelled || wake(), true);
        return () => {
          isCancelled = true;
        };
      },
      soon: (wake) => this.at(0, node, wake),
    };
  }

  #life(node: NodeId): Life {
    const life = this.lives.get(node);
    if (life === undefined) throw new Error(`${node} is down`);
    return life;
  }

  #tell(at: NodeId, kind: Told['kind'], about: string, groups: readonly ShardId[] = []): void {
    this.told.push({ atMs: this.nowMs, at, kind, about, groups });
  }

  #after(delayMs: number, run: () => void): void {
    this.#happenings.add(this.nowMs + delayMs, run);
  }
}
