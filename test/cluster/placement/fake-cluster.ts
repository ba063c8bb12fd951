/**
 * Nodes that run the real step of the mover over groups that are made up: a configuration and a leader each, copies that take
 * some ticks, changes that are legal or refused as Raft refuses them. Nodes die and come back, and learn of maps late.
 *
 * Checked at each change: there are never fewer voters than before or than should be, whichever is less; the voters that a
 * change leaves have a living majority; no change comes while another is pending; a suspect is not touched unless it is gone;
 * no leader begins more copies to a node than it may.
 */
import assert from 'node:assert/strict';
import { Desired } from '../../../cluster/placement/desired.ts';
import type { GroupView, NodesView } from '../../../cluster/placement/next-move.ts';
import { progressOf } from '../../../cluster/placement/progress.ts';
import { moverSettings } from '../../../cluster/placement/settings.ts';
import { type Act, type MoverMemory, step } from '../../../cluster/placement/step.ts';
import type { ConfigurationChange } from '../../../cluster/raft/protocol.ts';
import { logIndex, type NodeId, nodeId, type ShardId, shardId, term } from '../../../runtime/base/ids.ts';
import { mapOf, type NodeWords } from './maps.ts';

const tickMs = 100;
const committed = 1_000;

interface Group {
  readonly shard: ShardId;
  voters: NodeId[];
  learners: NodeId[];
  leader: NodeId | null;
  term: number;
  /** Ticks that a member's copy still takes; none: it keeps up. */
  readonly copying: Map<NodeId, number>;
  isChanging: boolean;
}

interface FakeNode {
  readonly id: NodeId;
  isAlive: boolean;
  isFit: boolean;
  aliveSinceMs: number;
  desired: Desired;
  memory: MoverMemory;
}

export class FakeCluster {
  nowMs = 0;
  readonly groups: Group[];
  readonly nodes = new Map<NodeId, FakeNode>();
  readonly #records = new Map<NodeId, NodeWords>();
  readonly #chance: (below: number) => number;
  #version = 0;
  #newest!: Desired;
  readonly #replicas: number;

  constructor(shardCount: number, replicas: number, chance: (below: number) => number) {
    this.#chance = chance;
    this.#replicas = replicas;
    const first = nodeId('n1');
    this.groups = Array.from({ length: shardCount + 1 }, (_, shard) => ({
      shard: shardId(shard),
      voters: [first],
      learners: [],
      leader: first,
      term: 1,
      copying: new Map(),
      isChanging: false,
    }));
    this.admit('n1');
  }

  // ---- what happens ----------------------------------------------------------------------------------------------

  admit(name: string): void {
    const id = nodeId(name);
    if (this.nodes.has(id)) return;
    this.#records.set(id, { id, zone: `z${this.#chance(3)}` });
    this.#newMap();
    this.nodes.set(id, {
      ...{ id, isAlive: true, isFit: true, aliveSinceMs: this.nowMs, desired: this.#newest },
      memory: new Map(),
    });
  }

  leave(id: NodeId): void {
    const members = [...this.#records.values()].filter(({ state = 'member' }) => state === 'member');
    if (members.length < 2 || this.#records.get(id)!.state !== undefined) return;
    this.#records.set(id, { ...this.#records.get(id)!, state: 'leaving' });
    this.#newMap();
  }

  /** As an operator may: not what a shard could not do without, and not the last one. */
  declareGone(id: NodeId): void {
    const stays = (node: NodeId): boolean => node !== id && this.#records.get(node)?.state !== 'removed';
    const isNeeded = this.groups.some(({ voters }) => voters.filter(stays).length * 2 <= voters.length);
    const members = [...this.#records.values()].filter(({ id: node, state }) => state === undefined && node !== id);
    if (isNeeded || members.length === 0 || this.#records.get(id)!.state === 'removed') return;
    this.kill(id);
    this.#records.set(id, { ...this.#records.get(id)!, state: 'removed' });
    this.#newMap();
  }

  kill(id: NodeId): void {
    const node = this.nodes.get(id)!;
    node.isAlive = false;
    node.memory = new Map();
  }

  start(id: NodeId): void {
    const node = this.nodes.get(id)!;
    if (node.isAlive || this.#records.get(id)!.state === 'removed') return;
    node.isAlive = true;
    node.aliveSinceMs = this.nowMs;
  }

  turnFit(id: NodeId): void {
    const node = this.nodes.get(id)!;
    node.isFit = !node.isFit;
  }

  heal(): void {
    for (const node of this.nodes.values()) {
      this.start(node.id);
      node.isFit = true;
      node.desired = this.#newest;
    }
  }

  tick(): void {
    this.nowMs += tickMs;
    for (const node of this.nodes.values()) if (node.isAlive && this.#chance(4) === 0) node.desired = this.#newest;
    for (const group of this.groups) this.#run(group);
    for (const node of this.nodes.values()) {
      if (!node.isAlive) continue;
      const { memory, acts } = step(node.memory, this.#view(node));
      node.memory = memory;
      for (const act of acts) this.#carryOut(node, act);
    }
  }

  // ---- what came of it -------------------------------------------------------------------------------------------

  /** Every shard as the newest map wants it, nobody with anything to do or to wait for. */
  unsettled(): string[] {
    const found = this.groups.flatMap((group) => {
      const { voters, learners, assigned } = this.#newest.goal(group.shard);
      const is = `${sorted(group.voters)} | ${sorted(group.learners)} led by ${group.leader}`;
      const should = `${sorted(voters)} | ${sorted(learners)} led by ${assigned ?? group.leader}`;
      return is === should ? [] : [`shard ${group.shard} is ${is}, should be ${should}`];
    });
    for (const node of this.nodes.values()) {
      const { acts, isWaiting } = step(node.memory, this.#view(node));
      if (acts.length > 0 || isWaiting) found.push(`${node.id} is not at rest`);
      const progress = progressOf(this.#groupsOf(node), node.desired, this.#nodesOf(node), moverSettings.lagEntriesMax);
      if (progress.atGoal !== progress.shards) found.push(`${node.id} counts ${progress.atGoal} of ${progress.shards}`);
    }
    return found;
  }

  // ---- below: Raft, more or less ---------------------------------------------------------------------------------

  #newMap(): void {
    const nodes = [...this.#records.values()];
    const words = { nodes, shardCount: this.groups.length - 1, replicas: this.#replicas, version: ++this.#version };
    this.#newest = new Desired(mapOf(words));
  }

  #isAlive = (id: NodeId): boolean => this.nodes.get(id)?.isAlive === true;

  #living(voters: readonly NodeId[]): boolean {
    return voters.filter(this.#isAlive).length * 2 > voters.length;
  }

  /** A tick of one group: elections, copies, commits. */
  #run(group: Group): void {
    const { voters, leader } = group;
    for (const [node, ticks] of group.copying) {
      if (!this.#isAlive(node) || leader === null) continue;
      if (ticks > 1) group.copying.set(node, ticks - 1);
      else group.copying.delete(node);
    }
    if (leader !== null && (!this.#isAlive(leader) || !this.#living(voters))) group.leader = null;
    if (group.leader === null && this.#living(voters)) {
      const candidates = voters.filter((node) => this.#isAlive(node) && !group.copying.has(node));
      this.#elect(group, candidates[this.#chance(candidates.length)]);
    }
    if (group.leader === null) return;
    group.isChanging = false;
    // [R §4.2.2] A leader that has removed itself leads no longer than that.
    if (!voters.includes(group.leader)) group.leader = null;
  }

  #elect(group: Group, node: NodeId | undefined): void {
    if (node === undefined) return;
    group.leader = node;
    group.term++;
  }

  #carryOut(node: FakeNode, act: Act): void {
    const group = this.groups[act.shard]!;
    assert.equal(group.leader, node.id, 'only a leader acts');
    assert.equal(group.isChanging, false, 'no change comes while another is pending');
    if (act.kind === 'change') this.#change(group, act.change, node);
    else {
      assert.ok(group.voters.includes(act.to) && this.#isAlive(act.to), 'leadership goes to a living voter');
      // Some come to nothing.
      if (this.#chance(4) > 0) this.#elect(group, act.to);
    }
  }

  #change(group: Group, change: ConfigurationChange, { id, desired }: FakeNode): void {
    const { node } = change;
    const before = group.voters.length;
    assert.ok(this.#isAlive(node) || desired.isGone(node), `${change.kind} ${node}: a suspect is not touched`);
    switch (change.kind) {
      case 'addLearner':
        assert.ok(!group.voters.includes(node) && !group.learners.includes(node), `${node} is no member yet`);
        assert.ok(this.#copies(id, node) < moverSettings.copiesToNodeMax, `${node} takes copies enough from ${id}`);
        group.learners.push(node);
        group.copying.set(node, 1 + this.#chance(30));
        break;
      case 'promote':
        assert.ok(group.learners.includes(node) && !group.copying.has(node), `${node} has its copy`);
        // A busy shard: the learner is some entries behind.
        if (this.#chance(3) === 0) return;
        group.learners = group.learners.filter((other) => other !== node);
        group.voters.push(node);
        break;
      case 'remove':
        group.voters = group.voters.filter((other) => other !== node);
        group.learners = group.learners.filter((other) => other !== node);
        group.copying.delete(node);
        break;
    }
    const should = desired.voters(group.shard).length;
    assert.ok(group.voters.length >= Math.min(before, should), `${group.shard}: ${before} voters became too few`);
    if (group.voters.length !== before) {
      assert.ok(this.#living(group.voters), `${group.shard}: ${id} left ${sorted(group.voters)} without a majority`);
    }
    group.isChanging = true;
  }

  /** Copies that the groups led by `leader` give to `node` now. */
  #copies(leader: NodeId, node: NodeId): number {
    return this.groups.filter((group) => group.leader === leader && group.copying.has(node)).length;
  }

  #view(node: FakeNode) {
    return {
      nowMs: this.nowMs,
      groups: this.#groupsOf(node),
      desired: node.desired,
      nodes: this.#nodesOf(node),
      settings: moverSettings,
    };
  }

  #nodesOf({ id: self, isFit: mayLead }: FakeNode): NodesView {
    const since = (node: NodeId): number => this.nodes.get(node)?.aliveSinceMs ?? this.nowMs;
    return {
      ...{ self, mayLead, isAlive: this.#isAlive },
      isSteady: (node) => this.#isAlive(node) && this.nowMs - since(node) >= moverSettings.steadyMs,
      isFit: (node) => this.nodes.get(node)?.isFit === true,
    };
  }

  #groupsOf({ id }: FakeNode): GroupView[] {
    return this.groups.map(({ shard, voters, learners, leader, term: at, copying, isChanging }) => ({
      ...{ shard, leader, isServed: leader === id, isChanging, transferTo: null },
      role: leader === id ? 'leader' : 'follower',
      term: term(at),
      committed: logIndex(committed),
      configuration: { voters, learners, witness: null },
      followers: [...voters, ...learners]
        .filter((node) => node !== id)
        .map((node) => ({
          node,
          match: copying.has(node) ? 0 : committed,
          state: copying.has(node) ? 'snapshot' : 'replicate',
          isAlive: this.#isAlive(node),
          isInstalling: copying.has(node),
        })),
    }));
  }
}

const sorted = (nodes: readonly NodeId[]): string => [...nodes].sort().join(' ');
