/**
 * The world of one seed: machines, the ways between them, and who watches. It has no will of its own: clients
 * (`clients/`) and faults (`faults.ts`) make things happen.
 */
import { openMarks, type Marks } from '../../../cluster/identity/marks.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { InvariantError } from '../../../runtime/base/invariant.ts';
import type { Configuration } from '../../../cluster/raft/protocol.ts';
import { nodeId, type ShardId } from '../../../runtime/base/ids.ts';
import { limits as usualLimits } from '../../../runtime/base/limits.ts';
import type { Store } from '../../../runtime/store/store.ts';
import { RottenRowError } from '../../../runtime/codec/row.ts';
import { MemoryDisk } from '../../../runtime/store/memory-store.ts';
import { ClientNet } from '../clients/client-net.ts';
import { SimCore } from '../clients/sim-core.ts';
import { Oracle } from '../oracle/oracle.ts';
import type { Plan } from '../plan.ts';
import { aboutOf, beginFormed, configuring, foundingOf } from '../forming.ts';
import { assembleNode } from './assemble-node.ts';
import { SimDisk } from './disk.ts';
import { type Life, Machine } from './machine.ts';
import { Network } from './network.ts';
import { Hardware } from './node-clock.ts';
import { Dice } from './random.ts';
import type { ClusterPlace, NodePlace } from './sim-node.ts';
import { nature, type Owner, Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

/** Room that must be left on the small disks of this world. */
export const freeBytesMin = 512 * 1024;

export class SimWorld {
  readonly plan: Plan;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly timeline: Timeline;
  readonly net: ClientNet;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly machines: readonly Machine[];
  /** The faults that happened, in words. */
  readonly story: string[] = [];
  /** What happened how often, for the summary. */
  readonly counts = new Map<string, number>();
  /** Fault kinds that truly happened. */
  readonly happened = new Set<string>();
  /** A node that finds damage may say so and stop, while there is some. */
  damagedRows = 0;
  /** How far ahead some wall clock has been: entries may be dated so. */
  aheadMsMax = 0;
  /** How far a clock was put forward, by a fault or in the end. */
  clocksSetByMs = 0;
  /** Nodes that are about to join, or to be replaced. */
  joining = 0;
  /** Clients and faults come only then; and they are over. */
  isSetUp = false;
  isClosing = false;
  /** Told of each start of a node; and of a node that the others do not let in any more. */
  started: (machine: Machine) => void = () => undefined;
  turnedAway: (machine: Machine) => void = () => undefined;

  constructor(plan: Plan, print: ((line: string) => void) | null) {
    this.plan = plan;
    this.dice = new Dice(`seed ${plan.seed}`);
    this.trace = new Trace(print);
    this.timeline = new Timeline(
      (atMs, owner) => {
        this.trace.number(atMs);
        this.trace.text(owner.name);
      },
      (owner, error) => this.#threw(owner, error),
    );
    this.net = new ClientNet(this.timeline, this.dice.split('client net'));
    this.oracle = new Oracle((text) => this.trace.note(this.timeline.nowMs, `BROKEN ${text}`));
    this.machines = plan.machines.map(({ name, skewMs, pace, disk }) => {
      const simDisk = new SimDisk(this.timeline, this.dice.split(`disk ${name}`), disk, () => undefined);
      return new Machine(name, simDisk, new Hardware(skewMs, pace));
    });
    beginFormed(this);
    this.oracle.raft.hasWitness = plan.forming === 'mapless';
    this.aheadMsMax = Math.max(...this.machines.map(({ hardware }) => hardware.skewMs));
    this.network = new Network(this.timeline, this.dice.split('network'), this.machines);
    this.network.linking = (a, b) => this.#linking(a, b);
    this.network.refused = (machine, by, { code, text }) => {
      this.note(`${machine.id} is turned away by ${by}: ${code}`);
      const isForGood = code === 'diskOlder' || code === 'nodeRemoved';
      if (isForGood && machine.life !== null)
        this.#stopped(machine, machine.life, new OperationError({ code, transient: false, text }));
    };
  }

  get nowMs(): number {
    return this.timeline.nowMs;
  }

  note(text: string): void {
    this.trace.note(this.nowMs, text);
  }

  /** Of a fault: a line of the story. */
  tell(kind: string, text: string): void {
    this.happened.add(kind);
    this.count(kind);
    this.story.push(`${(this.nowMs / 1_000).toFixed(3).padStart(8)} s  ${text}`);
    this.note(text);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  start(machine: Machine): void {
    if (machine.isUp || !machine.hasJoined) return;
    const life = machine.beginLife(this.timeline);
    this.note(`${machine.id} starts for the ${machine.lives}. time`);
    const random = this.dice.split(`node ${machine.id} ${machine.lives}`);
    const tree = machine.disk.open(life, (error) => this.#stopped(machine, life, error));
    // It says nothing before its mark is on its disk.
    openMarks(tree, random)
      .then((marks) => this.#run(machine, life, { tree, random, marks }))
      .catch((error: unknown) => this.#stopped(machine, life, error));
  }

  #run(machine: Machine, life: Life, own: { tree: Store; random: Dice; marks: Marks }): void {
    if (life.isOver) return;
    const node = assembleNode(this.#place(machine, life, own));
    // It may have found something wrong on the way.
    if (life.isOver as boolean) return;
    machine.node = node;
    this.started(machine);
  }

  #place(machine: Machine, life: Life, own: { tree: Store; random: Dice; marks: Marks }): NodePlace {
    const { plan, oracle } = this;
    return {
      ...own,
      id: machine.id,
      clock: life.clock,
      shardCount: plan.shardCount,
      limits: { ...usualLimits, ...plan.limits },
      freeBytesMin,
      cluster: this.#cluster(machine, life),
      events: {
        fatal: (error) => this.#stopped(machine, life, error),
        bug: (what, error) => this.#bug(machine, what, error),
        appended: (shard, term, index, writeSet) => {
          if (!life.isOver) oracle.shards.appended(machine.id, shard, term, index, writeSet);
        },
        committed: (shard, index) => {
          if (life.isOver) return;
          this.trace.number(index);
          oracle.shards.committed(machine.id, shard, index, machine.node!.log.term(shard));
        },
        served: (shard, term, committed) => {
          if (!life.isOver) oracle.shards.served(machine.id, life.number, shard, term, committed);
        },
        lost: () => undefined,
      },
    };
  }

  /**
   * @param luck see `SimDisk.halt`
   * @param isSilent without power: the others are not told
   */
  stop(machine: Machine, luck: number, isSilent = false): void {
    const { life } = machine;
    if (life === null) return;
    this.countWays(machine);
    machine.die(luck);
    machine.hasPower = !isSilent;
    this.network.died(machine, isSilent);
    this.net.died(life);
  }

  /** How what was asked of this life found its way. */
  countWays({ node }: Machine): void {
    if (node === null || this.machines.length === 1) return;
    const { served, forwarded, relayed, redirected } = node.cluster.router.stats;
    this.count('calls of peers served', served);
    this.count('calls forwarded', forwarded);
    this.count('calls relayed', relayed);
    this.count('calls redirected', redirected);
  }

  /** An empty machine under another name. */
  rename(machine: Machine): void {
    machine.id = nodeId(`${machine.id}x`);
    machine.disk.rows = new MemoryDisk();
    machine.hasOldDisk = false;
    machine.isConfigured = false;
    machine.nodesKnown = [];
  }

  /** As the last leader has it; null: there is none. A change that is under way may still be undone. */
  configurationOf(shard: ShardId): Configuration | null {
    let term = -1;
    let found: Configuration | null = null;
    for (const { node } of this.machines) {
      const status = node?.host.statusOf(shard);
      if (status === undefined || status.role !== 'leader' || status.term < term) continue;
      term = status.term;
      found = status.configuration;
    }
    return found;
  }

  /** A worker of an edge, with command ids of its own. */
  newCore(name: string, isFaithful = false): SimCore {
    return new SimCore({
      ...{ name, timeline: this.timeline, net: this.net, machines: this.machines },
      dice: this.dice.split(`core ${name}`),
      ...{ shardCount: this.plan.shardCount, attemptMs: this.plan.attemptMs, isFaithful },
      answered: (ref, command, answer) => this.oracle.answered(ref, command, answer),
    });
  }

  #cluster(machine: Machine, life: Life): ClusterPlace {
    const { forming, batchesKept } = this.plan;
    const { raft, maps } = this.oracle;
    return {
      transport: this.network.transportOf(machine, life),
      ...{ about: aboutOf(this, machine), known: machine.nodesKnown, found: foundingOf(this, machine) },
      configurationOf: configuring(this, machine),
      ...{ isMapless: forming === 'mapless', batchesKept },
      oldestWriteMs: () => machine.disk.oldestWriteMs,
      mapChanged: (map, desired) => {
        if (life.isOver) return;
        machine.nodesKnown = map.nodes.filter(({ state }) => state !== 'removed').map(({ id }) => id);
        this.trace.number(map.version);
        maps.told(machine.id, life.number, map, desired);
      },
      started: (groups) => raft.started(machine.id, groups, machine),
      looked: (status) => raft.looked(machine.id, status, () => this.network.isCutOff(machine)),
      sent: (to, messages, status) => raft.sent(machine.id, to, messages, status),
      counted: (what, by) => this.count(what, by),
    };
  }

  /** One whose disk was put back is let in by nobody who remembers more. */
  #linking(a: Machine, b: Machine): void {
    for (const [old, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (old.hasOldDisk && other.node?.cluster.membership.map != null)
        this.oracle.fail(`${old.id} has an older disk, and ${other.id} lets it in`);
    }
  }

  #threw(owner: Owner, error: unknown): void {
    const machine = this.machines.find(({ life }) => life === owner);
    if (machine === undefined) this.oracle.fail(`${owner.name}: ${describe(error)}`);
    else this.#stopped(machine, machine.life!, error);
  }

  #stopped(machine: Machine, life: Life, error: unknown): void {
    if (life.isOver) return;
    const text = error instanceof Error ? error.message : String(error);
    this.note(`${machine.id} stops: ${text}`);
    const isAllowed = this.#isExpected(machine, error);
    if (!isAllowed) this.oracle.fail(`${machine.id} stopped: ${describe(error)}`);
    this.stop(machine, 0.5);
    if (machine.hasOldDisk && codeOf(error) === 'diskOlder') {
      machine.hasJoined = false;
      return this.turnedAway(machine);
    }
    this.timeline.after(this.dice.split(`up ${machine.id} ${machine.lives}`).spread(100, 3_000), nature, () => {
      this.start(machine);
    });
  }

  #isExpected(machine: Machine, error: unknown): boolean {
    const code = codeOf(error);
    if (code === 'storeFailed' || (code === 'diskOlder' && machine.hasOldDisk)) return true;
    // All are there from the start, and one may say so before it was admitted.
    if (code === 'nodeUnknown' && !this.isSetUp) return true;
    if (this.damagedRows === 0) return false;
    if (error instanceof RottenRowError) return true;
    return !(error instanceof InvariantError);
  }

  #bug(machine: Machine, what: string, error: unknown): void {
    if (this.damagedRows > 0 && error instanceof RottenRowError) return;
    this.oracle.fail(`${machine.id}: ${what}: ${describe(error)}`);
  }
}

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown }).code;

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = (error.stack ?? '').split('\n').filter((line) => /\/(runtime|actors|cluster)\//.test(line));
  const at = lines
    .slice(0, 5)
    .map((line) => line.trim().replace(/^at (.*) \(?.*\/((runtime|actors|cluster)\/.*?)\)?$/, '$1 $2'));
  return [error.message, ...at].join(' <- ');
}
