/**
 * Routers of several nodes over a fake mesh, with fake engines: who leads what, and who is believed to, is the test's word.
 *
 * The engines keep what a shard has committed in one place for all nodes, as the log does: the leader of a shard commits a
 * command a moment after it took it, unless it was deposed before; a command that is known is not run again.
 */
import { PeerCalls } from '../../../cluster/routing/peer-calls.ts';
import { Router } from '../../../cluster/routing/router.ts';
import type { BodyAttachment } from '../../../runtime/actor/actor.ts';
import { deadlinePassed, notLeader } from '../../../runtime/actor/codes.ts';
import type { CommandRequest, Outcome, QueryRequest, Settle } from '../../../runtime/actor/request.ts';
import type { ErrorData, OperationError } from '../../../runtime/base/errors.ts';
import { nodeId, type NodeId, shardId, type ShardId } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeMesh } from './fake-mesh.ts';

/** Said by an engine before it looks whether it leads, or knows the command. */
const saidFirst = new Set(['busy', 'stopping']);

interface UnderWay {
  readonly shard: number;
  readonly node: NodeId;
  readonly name: string;
  readonly settles: Settle[];
}

const ledElsewhere: Outcome = { ok: false, error: notLeader().data };

export interface Taken {
  readonly node: NodeId;
  readonly request: CommandRequest;
}

export interface Asked {
  outcome: Outcome | undefined;
  settled: number;
  atMs: number;
}

export class RoutingNode {
  readonly id: NodeId;
  readonly calls: PeerCalls;
  readonly router: Router;
  readonly refusedFrames: string[] = [];
  /** Shard -> whom this node takes for its leader. */
  readonly hints = new Map<number, NodeId | null>();
  readonly dead = new Set<NodeId>();
  readonly holds = new Set<number>();
  /** What its engine says to every command instead of running it. */
  refuses: ErrorData | null = null;
  /** Every command that its engine got. */
  taken: CommandRequest[] = [];

  constructor(world: RoutingWorld, name: string, callsMax: number) {
    this.id = nodeId(name);
    const { clock, mesh } = world;
    let seed = name.charCodeAt(name.length - 1);
    this.calls = new PeerCalls({
      transport: mesh.transport(name),
      clock,
      limits: { ...limits, callsInFlightMax: callsMax },
      reports: { refusedFrame: (_from, error) => void this.refusedFrames.push((error as OperationError).code) },
    });
    this.router = new Router({
      self: this.id,
      clock,
      random: { bytes: (count) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)) },
      calls: this.calls,
      engine: {
        ask: (request, settle) => world.run(this, request, settle),
        query: (request, settle) => world.answer(this, request, settle),
      },
      shardOf: world.shardOf,
      serves: (shard) => world.leaders.get(shard) === this.id,
      holds: (shard) => this.holds.has(shard),
      leaderOf: (shard) => this.hints.get(shard) ?? null,
      isAlive: (node) => !this.dead.has(node),
      linkedPeers: () => mesh.peersOf(name),
      limits: { callsInFlightMax: callsMax, askTimeoutMs: 30_000 },
    });
  }
}

export class RoutingWorld {
  readonly clock = new FakeClock();
  readonly mesh = new FakeMesh(this.clock);
  readonly nodes = new Map<string, RoutingNode>();
  /** Shard -> who leads it in truth. */
  readonly leaders = new Map<number, NodeId>();
  /** Command -> the answer that is committed with its effect. */
  readonly committed = new Map<string, unknown>();
  /** How often each command had its effect. */
  readonly effects = new Map<string, number>();
  commitMs: () => number = () => 2;
  /** Whether what a deposed leader had under way is committed by the next one, though its caller was told `notLeader`. */
  keepsLost: () => boolean = () => false;
  #underWay: UnderWay[] = [];
  #seq = 0;

  constructor(names: readonly string[], callsMax = 1_000) {
    for (const name of names) this.nodes.set(name, new RoutingNode(this, name, callsMax));
    this.mesh.linkAll();
  }

  readonly shardOf = (_kind: string, key: string): ShardId => shardId(Number(key.split('.')[0]));

  node(name: string): RoutingNode {
    return this.nodes.get(name)!;
  }

  /** A later life of a node: nothing of the one before is left. */
  restart(name: string): RoutingNode {
    this.mesh.kill(name);
    const node = new RoutingNode(this, name, 1_000);
    this.nodes.set(name, node);
    return node;
  }

  /** Null: nobody. What the deposed leader has not committed is lost, or not (`keepsLost`). */
  lead(shard: number, name: string | null, believedBy: readonly string[] = [...this.nodes.keys()]): void {
    if (name === null) this.leaders.delete(shard);
    else this.leaders.set(shard, nodeId(name));
    const isLost = ({ shard: of, node }: UnderWay): boolean => of === shard && node !== name;
    const lost = this.#underWay.filter(isLost);
    this.#underWay = this.#underWay.filter((one) => !isLost(one));
    for (const one of lost) {
      if (this.keepsLost()) this.#commit(one);
      for (const settle of one.settles) settle(ledElsewhere);
    }
    for (const each of believedBy) this.believe(each, shard, name);
  }

  believe(who: string, shard: number, leader: string | null): void {
    const node = this.node(who);
    node.hints.set(shard, leader === null ? null : nodeId(leader));
    node.router.leaderChanged(shardId(shard));
  }

  suspect(who: string, peer: string): void {
    const node = this.node(who);
    node.dead.add(nodeId(peer));
    node.router.aliveChanged(nodeId(peer), false);
  }

  believesAlive(who: string, peer: string): void {
    const node = this.node(who);
    node.dead.delete(nodeId(peer));
    node.router.aliveChanged(nodeId(peer), true);
  }

  ask(
    at: string,
    shard: number,
    more: Partial<CommandRequest> & { readonly bodies?: readonly BodyAttachment[] } = {},
  ): Asked {
    const seq = ++this.#seq;
    const asked: Asked = { outcome: undefined, settled: 0, atMs: Number.NaN };
    const request: CommandRequest = {
      ...{ kind: 'counter', key: `${shard}.a`, command: { kind: 'add' }, id: { caller: 'edge', seq } },
      ...{ settledBelow: 1, principal: { kind: 'operator', id: 'test' }, trace: 't', bodies: [], timeoutMs: 5_000 },
      ...more,
    };
    this.node(at).router.ask(request, (outcome) => {
      asked.outcome = outcome;
      asked.settled++;
      asked.atMs = this.clock.monotonicMs();
    });
    return asked;
  }

  query(at: string, shard: number, more: Partial<QueryRequest> = {}): Asked {
    const asked: Asked = { outcome: undefined, settled: 0, atMs: Number.NaN };
    const request: QueryRequest = {
      ...{ kind: 'counter', key: `${shard}.a`, query: { kind: 'value' }, principal: { kind: 'operator', id: 'test' } },
      ...more,
    };
    this.node(at).router.query(request, (outcome) => {
      asked.outcome = outcome;
      asked.settled++;
      asked.atMs = this.clock.monotonicMs();
    });
    return asked;
  }

  /** Time goes on, a millisecond at a time. */
  pass(ms: number): void {
    for (let at = 0; at < ms; at++) {
      for (let turn = 0; turn < 4; turn++) this.clock.runSoon();
      this.clock.advance(1);
    }
  }

  // ---- the engines -----------------------------------------------------------------------------------------------

  run(node: RoutingNode, request: CommandRequest, settle: Settle): void {
    node.taken.push(request);
    const { refuses } = node;
    // As the engine: these before it looks at anything, other refusals out of a turn.
    if (refuses !== null && saidFirst.has(refuses.code)) return settle({ ok: false, error: refuses });
    const shard = this.shardOf(request.kind, request.key);
    if (this.leaders.get(shard) !== node.id) return settle(ledElsewhere);
    if (request.timeoutMs <= 0) return settle({ ok: false, error: deadlinePassed().data });
    const name = `${request.id.caller} ${request.id.seq}`;
    const known = this.committed.get(name);
    if (known !== undefined) return this.clock.soon(() => settle({ ok: true, answer: known, copies: [2, 3] }));
    const before = this.#underWay.find((one) => one.node === node.id && one.name === name);
    if (before !== undefined) return void before.settles.push(settle);
    if (refuses !== null) return settle({ ok: false, error: refuses });
    const one: UnderWay = { shard, node: node.id, name, settles: [settle] };
    this.#underWay.push(one);
    this.clock.after(this.commitMs(), () => {
      if (!this.#underWay.includes(one)) return;
      this.#underWay = this.#underWay.filter((other) => other !== one);
      this.#commit(one);
      for (const tell of one.settles) tell({ ok: true, answer: this.committed.get(name), copies: [2, 3] });
    });
  }

  #commit({ name }: UnderWay): void {
    if (this.committed.has(name)) return;
    this.committed.set(name, `done ${name}`);
    this.effects.set(name, (this.effects.get(name) ?? 0) + 1);
  }

  answer(node: RoutingNode, request: QueryRequest, settle: Settle): void {
    const shard = this.shardOf(request.kind, request.key);
    if (request.local === true) return settle({ ok: true, answer: `local at ${node.id}`, asOfMs: 7 });
    if (this.leaders.get(shard) !== node.id) return settle(ledElsewhere);
    settle({ ok: true, answer: `led by ${node.id}` });
  }
}

export const codeOf = ({ outcome }: Asked): string =>
  outcome === undefined ? 'none' : outcome.ok ? 'ok' : outcome.error.code;

/** Frames of a kind that were sent, as `n1>n2`. */
export const framesOf = (world: RoutingWorld, of: number): string[] =>
  world.mesh.sent.filter(({ frame }) => (frame as readonly unknown[])[0] === of).map(({ from, to }) => `${from}>${to}`);
