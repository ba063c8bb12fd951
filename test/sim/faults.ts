/** What each kind of fault does, and how it ends. A row a kind: to add one, add it to `plan.ts` and here. */
import { groupCount } from '../../runtime/actor/shard.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import { keyspace, type RowKey, rowKey, below } from '../../runtime/store/keys.ts';
import type { Fault, FaultKind } from './plan.ts';
import { join } from './forming.ts';
import { changeMembers } from './membership.ts';
import { putBackOldDisk } from './old-disk.ts';
import type { Flip } from './world/disk.ts';
import type { Machine } from './world/machine.ts';
import type { SimWorld } from './world/sim-world.ts';
import { nature } from './world/timeline.ts';

/** Who else can be hurt. */
export interface Victims {
  /** A worker of an edge crashes, and another takes its place. */
  restartEdge(size: number): void;
}

type CarryOut = (world: SimWorld, machine: Machine, fault: Fault, victims: Victims) => void;

const carryOut: Readonly<Record<FaultKind, CarryOut>> = {
  kill: (world, machine, fault) => dieSometime(world, machine, fault, 'kill', 0.7),
  powerLoss: (world, machine, fault) => dieSometime(world, machine, fault, 'powerLoss', 0.2),

  pause(world, machine, { forMs }) {
    if (!machine.isUp) return;
    machine.pausedUntilMs = Math.max(machine.pausedUntilMs, world.nowMs + forMs);
    world.tell('pause', `${machine.id} is paused for ${seconds(forMs)}`);
  },

  slow(world, machine, { forMs, size }) {
    machine.slowness = 2 + 60 * size;
    world.tell('slow', `${machine.id} is ${machine.slowness.toFixed(0)} times slower for ${seconds(forMs)}`);
    world.timeline.after(forMs, nature, () => {
      machine.slowness = 1;
    });
  },

  stall(world, machine, { forMs }) {
    machine.disk.stalledUntilMs = world.nowMs + forMs;
    world.tell('stall', `the disk of ${machine.id} hangs for ${seconds(forMs)}`);
  },

  eio(world, machine) {
    if (!machine.isUp) return;
    machine.disk.failsNext = true;
    world.tell('eio', `the next transaction of ${machine.id} fails with EIO`);
  },

  full(world, machine, { forMs, size }) {
    machine.disk.setRoom(Math.round(size * 500_000));
    world.tell('full', `the disk of ${machine.id} is nearly full for ${seconds(forMs)}`);
    world.timeline.after(forMs, nature, () => machine.disk.setRoom(null));
  },

  jump(world, machine, { size }) {
    // Some are of hours, as when a battery is empty.
    const byMs = Math.round((size - 0.4) * (Math.round(size * 1_000) % 3 === 0 ? 12_000_000 : 40_000));
    machine.hardware.skewMs += byMs;
    world.aheadMsMax = Math.max(world.aheadMsMax, machine.hardware.skewMs);
    // Timers that were dated while it was behind are due now, and that is noticed some time later.
    world.clocksSetByMs = Math.max(world.clocksSetByMs, byMs);
    world.tell('jump', `the wall clock of ${machine.id} jumps by ${seconds(byMs)}`);
  },

  skew(world, machine) {
    world.tell('skew', `the clocks are wrong from the start: ${world.machines.map(wrongness).join(', ')}`);
    void machine;
  },

  flip(world, machine, fault) {
    // Half of them hit the end of the log of a machine that is down, where entries lie that are nowhere else on it.
    if (fault.isInWrite && machine.isUp) die(world, machine, { ...fault, forMs: fault.forMs / 4 }, 'kill', 0.5);
    const key = someRow(world, machine, fault);
    const flip = key === null ? null : machine.disk.flip(key, world.dice.split(`flip ${fault.number}`));
    if (flip === null) return;
    world.damagedRows++;
    if (flip.key.startsWith(keyspace.log)) machine.hasRottenLog = true;
    world.tell(
      'flip',
      `a bit of a row in '${flip.key.charAt(0)}' of ${machine.id} is wrong for ${seconds(fault.forMs)}`,
    );
    world.timeline.after(fault.forMs, nature, () => repair(world, machine, flip));
  },

  edgeRestart(world, _machine, { size }, victims) {
    world.tell('edgeRestart', 'a worker of an edge crashes');
    victims.restartEdge(size);
  },

  replyLoss(world, _machine, { forMs, size }) {
    world.net.lossPart = 0.05 + 0.5 * size;
    world.tell('replyLoss', `${(100 * world.net.lossPart).toFixed(0)} % of all answers are lost for ${seconds(forMs)}`);
    world.timeline.after(forMs, nature, () => {
      world.net.lossPart = 0;
    });
  },

  blink(world, machine, { forMs }) {
    if (!machine.isUp) return;
    // Without a word, and back before anybody misses it.
    world.tell('blink', `${machine.id} is without power for ${seconds(forMs)}`);
    world.stop(machine, 0.5, true);
    world.timeline.after(forMs, nature, () => world.start(machine));
  },

  nap(world, _machine, fault) {
    const leader = someLeader(world);
    if (leader === undefined) return;
    const { forMs } = fault;
    leader.pausedUntilMs = Math.max(leader.pausedUntilMs, world.nowMs + forMs);
    const others = world.machines.filter((other) => other !== leader);
    const ways = others.flatMap((other) => [[leader, other] as const, [other, leader] as const]);
    cutAll(world, ways, { ...fault, forMs: forMs + 1_000 });
    world.tell('nap', `${leader.id}, which leads, is paused for ${seconds(forMs)}, and cut off for a second longer`);
  },

  lostVote(world, _machine, fault) {
    const leader = someLeader(world);
    if (leader === undefined) return;
    world.tell('lostVote', `whoever votes next loses power right then, and its candidate is cut off`);
    die(world, leader, { ...fault, forMs: fault.forMs / 3 }, 'kill', 0.5);
    world.oracle.raft.onVote = (voter, candidate) => {
      world.oracle.raft.onVote = null;
      world.timeline.after(0, nature, () => loseVote(world, fault, voter, candidate));
    };
  },

  partition(world, machine, fault) {
    const dice = world.dice.split(`sides ${fault.number}`);
    const others = world.machines.filter((other) => other !== machine);
    const side = [machine, ...dice.some(others, dice.whole(0, others.length - 1))];
    const beyond = world.machines.filter((other) => !side.includes(other));
    const ways = side.flatMap((a) =>
      beyond.flatMap(
        (b) =>
          [
            [a, b],
            [b, a],
          ] as const,
      ),
    );
    cutAll(world, ways, fault);
    world.tell('partition', `${names(side)} and ${names(beyond)} are cut apart for ${seconds(fault.forMs)}`);
  },

  oneWay(world, machine, fault) {
    const dice = world.dice.split(`sides ${fault.number}`);
    const others = world.machines.filter((other) => other !== machine);
    const to = dice.some(others, dice.whole(1, others.length));
    const isOut = dice.chance(0.5);
    cutAll(
      world,
      to.map((other) => (isOut ? ([machine, other] as const) : ([other, machine] as const))),
      fault,
    );
    const way = isOut ? `${machine.id} is not heard by ${names(to)}` : `${machine.id} does not hear ${names(to)}`;
    world.tell('oneWay', `${way} for ${seconds(fault.forMs)}`);
  },

  partial(world, machine, fault) {
    const dice = world.dice.split(`sides ${fault.number}`);
    const other = dice.pick(world.machines.filter((each) => each !== machine));
    cutAll(
      world,
      [
        [machine, other],
        [other, machine],
      ],
      fault,
    );
    world.tell('partial', `${machine.id} and ${other.id} do not hear each other for ${seconds(fault.forMs)}`);
  },

  linkReset(world, machine, { number }) {
    const other = world.dice.split(`peer ${number}`).pick(world.machines.filter((each) => each !== machine));
    if (world.network.reset(machine, other))
      world.tell('linkReset', `the link of ${machine.id} and ${other.id} breaks`);
  },

  latency(world, _machine, { forMs, size }) {
    world.network.extraDelayMs = 5 + 300 * size;
    world.tell('latency', `every frame takes ${world.network.extraDelayMs.toFixed(0)} ms more for ${seconds(forMs)}`);
    world.timeline.after(forMs, nature, () => {
      world.network.extraDelayMs = 0;
    });
  },

  clog(world, machine, fault) {
    const others = world.machines.filter((other) => other !== machine);
    for (const other of others) world.network.cut(machine, other);
    world.tell('clog', `what ${machine.id} sends is clogged for ${seconds(fault.forMs)}`);
    world.timeline.after(fault.forMs, nature, () => {
      for (const other of others) world.network.heal(machine, other, false);
    });
  },

  transfer(world, machine, { number }) {
    const { node } = machine;
    if (node === null) return;
    const dice = world.dice.split(`transfer ${number}`);
    for (const { shard, role, configuration } of node.host.status()) {
      if (role !== 'leader') continue;
      const others = configuration.voters.filter((id) => id !== machine.id);
      if (others.length === 0) continue;
      const to = dice.pick(others);
      node.host.transfer(shard, to, () => undefined);
      world.tell('transfer', `${machine.id} gives shard ${shard} to ${to}`);
    }
  },

  membership(world, machine, { number }) {
    const dice = world.dice.split(`membership ${number}`);
    if (world.plan.forming === 'mapless') return void changeMembers(world, dice);
    if (machine.hasJoined) return;
    world.tell('membership', `${machine.id} joins`);
    join(world, machine, dice);
  },

  oldDisk(world, machine, { forMs, number }) {
    putBackOldDisk(world, machine, forMs, world.dice.split(`old disk ${number}`)).catch((error: unknown) => {
      world.oracle.fail(`putting back an old disk: ${String(error)}`);
    });
  },
};

/** A group of machines is alone for a while; each end of each connection between is cut. */
function cutAll(world: SimWorld, ways: readonly (readonly [Machine, Machine])[], { forMs, number }: Fault): void {
  const dice = world.dice.split(`cut ${number}`);
  for (const [from, to] of ways) world.network.cut(from, to);
  world.timeline.after(forMs, nature, () => {
    const isBroken = dice.chance(0.5);
    for (const [from, to] of ways) world.network.heal(from, to, isBroken);
  });
}

export function scheduleFaults(world: SimWorld, faults: readonly Fault[], fromMs: number, victims: Victims): void {
  for (const fault of faults) {
    world.timeline.at(fromMs + fault.atMs, nature, () => {
      carryOut[fault.kind](world, world.machines[fault.machine]!, fault, victims);
    });
  }
}

/** The end of all faults, whatever was still going on. */
export function healAll(world: SimWorld): void {
  world.note('all is healed');
  world.net.lossPart = 0;
  world.oracle.raft.onVote = null;
  world.network.healAll();
  for (const machine of world.machines) {
    // To the latest: timers that were dated by a clock that was ahead come due, as they would some hours later.
    world.clocksSetByMs = Math.max(world.clocksSetByMs, world.aheadMsMax - machine.hardware.skewMs);
    machine.hardware.skewMs = world.aheadMsMax;
    machine.pausedUntilMs = 0;
    if (machine.life !== null) world.timeline.hurry(machine.life);
    machine.slowness = 1;
    machine.disk.onWrite = null;
    machine.disk.failsNext = false;
    machine.disk.setRoom(null);
  }
}

function dieSometime(world: SimWorld, machine: Machine, fault: Fault, kind: 'kill' | 'powerLoss', luck: number): void {
  if (!fault.isInWrite) return die(world, machine, fault, kind, luck);
  machine.disk.onWrite = (tookMs) => {
    world.timeline.after(tookMs * fault.size, nature, () => die(world, machine, fault, kind, luck));
  };
}

function die(world: SimWorld, machine: Machine, { forMs }: Fault, kind: 'kill' | 'powerLoss', luck: number): void {
  if (!machine.isUp) return;
  const what = kind === 'kill' ? 'is killed' : 'loses power';
  const when = machine.disk.isWriting ? ' while it writes' : '';
  world.tell(kind, `${machine.id} ${what}${when}, and is back after ${seconds(forMs)}`);
  world.stop(machine, luck, kind === 'powerLoss');
  world.timeline.after(forMs, nature, () => world.start(machine));
}

const someLeader = (world: SimWorld): Machine | undefined =>
  world.machines.find(({ node }) => node?.host.status().some(({ isServed }) => isServed));

function loseVote(world: SimWorld, fault: Fault, voter: NodeId, candidate: NodeId): void {
  const to = world.machines.find(({ id }) => id === candidate);
  const from = world.machines.find(({ id }) => id === voter);
  if (to === undefined || from === undefined) return;
  const others = world.machines.filter((other) => other !== to);
  const ways = others.flatMap((other) => [[to, other] as const, [other, to] as const]);
  cutAll(world, ways, fault);
  world.note(`${voter} has voted for ${candidate}, which is cut off`);
  die(world, from, { ...fault, forMs: 30 + 0.1 * fault.forMs * fault.size }, 'powerLoss', 0);
}

/** Rows of all sorts, the rare ones as often as the many. */
function someRow(world: SimWorld, machine: Machine, { number }: Fault): RowKey | null {
  const dice = world.dice.split(`flipped row ${number}`);
  const { rows } = machine.disk;
  // Of two that hold mail one that has lost its log stops the other, as it must: it cannot say what it had acked.
  const sparesLog = world.machines.length > 1 && (world.plan.witness !== null || !hasThirds(world));
  const spaces = Object.values(keyspace).filter((space) => space !== keyspace.log || !sparesLog);
  if (!machine.isUp && !sparesLog) {
    const { start, end } = below(rowKey([keyspace.log]));
    const newest = rows.range(start, end, 4, true);
    if (newest.length > 0) return dice.pick(newest).key;
  }
  for (const space of dice.some(spaces, 6)) {
    const { start, end } = below(rowKey([space]));
    const found = rows.range(start, end, 200, dice.chance(0.5));
    if (found.length > 0) return dice.pick(found).key;
  }
  return null;
}

/** Every shard has three voters, as far as that is known. */
function hasThirds(world: SimWorld): boolean {
  const shards = Array.from({ length: groupCount(world.plan.shardCount) }, (_, shard) => shard as ShardId);
  return shards.every((shard) => (world.configurationOf(shard)?.voters.length ?? 0) >= 3);
}

function repair(world: SimWorld, machine: Machine, flip: Flip): void {
  const isUndone = machine.disk.unflip(flip);
  world.damagedRows--;
  world.note(isUndone ? `the row of ${machine.id} is right again` : `the row of ${machine.id} was written anew`);
}

const wrongness = ({ id, hardware }: Machine): string =>
  `${id} ${seconds(hardware.skewMs)} and ${((hardware.pace - 1) * 100).toFixed(1)} %`;

const names = (machines: readonly Machine[]): string => machines.map(({ id }) => id).join(', ');

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
