/**
 * What a seed is made of, drawn before anything happens: machines, clients, and a list of faults. A fault that is left out
 * changes nothing about the others, so that a failing seed can be shrunk (`shrink.ts`).
 */
import type { Limits } from '../../runtime/base/limits.ts';
import type { DiskSettings } from './world/disk.ts';
import { Dice } from './world/random.ts';

/** Kind of fault -> how many nodes it needs. */
export const faultKinds = {
  kill: 1,
  powerLoss: 1,
  pause: 1,
  slow: 1,
  stall: 1,
  eio: 1,
  full: 1,
  jump: 1,
  skew: 1,
  flip: 1,
  edgeRestart: 1,
  replyLoss: 1,
  partition: 2,
  oneWay: 2,
  partial: 3,
  linkReset: 2,
  latency: 2,
  clog: 2,
  blink: 1,
  nap: 2,
  transfer: 2,
  lostVote: 3,
  membership: 2,
  oldDisk: 3,
} as const satisfies Record<string, number>;

export type FaultKind = keyof typeof faultKinds;

export interface Fault {
  /** Its place in the plan; faults that are left out keep theirs. */
  readonly number: number;
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Index of the machine. */
  readonly machine: number;
  /** 0 … 1, for whatever the kind wants to be told. */
  readonly size: number;
  /** A kill or power loss that waits for the next transaction, and comes in the middle of it. */
  readonly isInWrite: boolean;
}

export interface MachinePlan {
  readonly name: string;
  readonly skewMs: number;
  readonly pace: number;
  readonly disk: DiskSettings;
  /** It is not there in the beginning: a fault of the kind `membership` brings it. */
  readonly isLate: boolean;
}

export interface Mix {
  readonly mailboxes: number;
  readonly smtpClients: number;
  readonly probeClients: number;
  /** Clients that only look, and go on asking the node that answered last. */
  readonly readers: number;
  readonly couriers: boolean;
  /** Between two things that a client does. */
  readonly pauseMs: number;
  readonly inDoubt: 'retry' | 'hold' | 'drop';
}

/**
 * Some seeds are of one kind, for bugs that need much of the same: of `quiet` ones little is asked, and nodes are back before
 * anybody misses them; in `elections` leaders and voters fall one after another; `long` ones show that shards come back while
 * faults go on.
 */
export const profiles = ['usual', 'quiet', 'elections', 'long'] as const;
export type Profile = (typeof profiles)[number];

/**
 * `founded`: one node makes the cluster, the others join it. `configured`: those of the beginning vote from their first start
 * on, and are let in by name then. `mapless`: nobody founds, who votes is changed by hand; maps know no witness yet.
 */
export const formings = ['founded', 'configured', 'mapless'] as const;
export type Forming = (typeof formings)[number];

export interface Plan {
  readonly seed: number;
  readonly profile: Profile;
  readonly forming: Forming;
  readonly machines: readonly MachinePlan[];
  /** Copies of a shard that the map wants. */
  readonly replicas: number;
  /** Machines are spread over so many. */
  readonly zones: number;
  /** Indexes of the machines that vote from the start, unless one of them founds the cluster alone. */
  readonly voters: readonly number[];
  /** Index of a voter that holds no mail. */
  readonly witness: number | null;
  readonly shardCount: number;
  /** Group commits that a log keeps behind the newest; few, so that a follower soon needs a copy of the state. */
  readonly batchesKept: number;
  readonly limits: Partial<Limits>;
  /** How long a client waits before it asks elsewhere. */
  readonly attemptMs: number;
  readonly activeMs: number;
  readonly mix: Mix;
  readonly faults: readonly Fault[];
}

/** What a seed does not draw by itself. */
export interface Given {
  readonly nodes: number | null;
  readonly profile?: Profile;
  readonly forming?: Forming;
}

const kibibyte = 1024;
/** Three nodes are what most have, and the smallest number that survives anything. */
const nodeCounts = [1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6, 7];
const votersMax = 5;

export function drawPlan(seed: number, given: Given): Plan {
  const dice = new Dice(`seed ${seed}`).split('plan');
  const drawn = dice.split('cluster');
  const count = given.nodes ?? drawn.pick(nodeCounts);
  const profile = given.profile ?? drawProfile(dice.split('profile'));
  const activeMs = Math.round(dice.spread(3_000, 12_000) * (profile === 'long' ? 4 : 1));
  const forming = count === 1 ? 'founded' : (given.forming ?? drawForming(dice.split('forming'), count));
  const faults = drawFaults(dice.split('faults'), { profile, forming, nodes: count, activeMs });
  const skews = faults.some(({ kind }) => kind === 'skew');
  const isMapless = forming === 'mapless';
  const late = new Set(faults.filter(({ kind }) => kind === 'membership' && !isMapless).map(({ machine }) => machine));
  const first = Array.from({ length: isMapless && count === 4 ? 3 : count }, (_, i) => i).filter((i) => !late.has(i));
  return {
    ...{ seed, profile, forming },
    machines: Array.from({ length: count }, (_, i) => {
      return { ...drawMachine(dice.split(`machine ${i}`), i, skews), isLate: late.has(i) };
    }),
    replicas: count > 3 ? dice.split('replicas').pick([3, 3, 5]) : 3,
    zones: count > 3 ? dice.split('zones').pick([1, 1, 2]) : 1,
    voters: first.slice(0, votersMax),
    witness: isMapless && count === 3 ? 2 : null,
    shardCount: dice.pick([1, 2, 4, 8]),
    batchesKept: drawn.pick([4, 30, 256]),
    limits: drawLimits(dice.split('limits')),
    attemptMs: Math.round(dice.spread(300, 3_000)),
    activeMs,
    mix: drawMix(dice.split('mix'), profile),
    faults,
  };
}

function drawForming(dice: Dice, nodes: number): Forming {
  const luck = dice.fraction();
  if ((nodes === 3 && luck < 0.2) || (nodes === 4 && luck < 0.35)) return 'mapless';
  return dice.chance(0.5) ? 'founded' : 'configured';
}

function drawMachine(dice: Dice, index: number, skews: boolean): Omit<MachinePlan, 'isLate'> {
  const slowest = dice.spread(0.4, 12);
  return {
    name: `n${index + 1}`,
    skewMs: skews ? Math.round(dice.between(-4_000, 4_000)) : 0,
    pace: skews ? dice.between(0.98, 1.02) : 1,
    disk: { commitMsMin: slowest / 4, commitMsMax: slowest },
  };
}

function drawLimits(dice: Dice): Partial<Limits> {
  const groupCommitBytesMax = dice.pick([8 * kibibyte, 64 * kibibyte, 4096 * kibibyte]);
  return {
    groupCommitBytesMax,
    activationsMax: dice.pick([4, 40, 8_000]),
    activationIdleMs: Math.round(dice.spread(500, 60_000)),
    backlogCommandsMax: dice.pick([6, 1_000]),
  };
}

function drawProfile(dice: Dice): Profile {
  const luck = dice.fraction();
  if (luck < 0.85) return 'usual';
  if (luck < 0.9) return 'quiet';
  return luck < 0.95 ? 'elections' : 'long';
}

function drawMix(dice: Dice, profile: Profile): Mix {
  return {
    mailboxes: dice.whole(2, 4),
    smtpClients: dice.whole(1, 4),
    probeClients: dice.whole(1, 3),
    readers: dice.split('readers').whole(1, 3),
    couriers: dice.chance(0.7),
    pauseMs: dice.spread(40, 300) * slowdown[profile],
    inDoubt: dice.pick(['retry', 'retry', 'hold', 'drop']),
  };
}

/** By how much clients are slower. */
const slowdown: Readonly<Record<Profile, number>> = { usual: 1, quiet: 12, elections: 1, long: 4 };

/** What there is in a seed of one kind, and how often at most; null: some of everything. */
const ofProfile: Readonly<Record<Profile, Partial<Record<FaultKind, number>> | null>> = {
  usual: null,
  long: null,
  quiet: { blink: 6 },
  elections: { lostVote: 4, nap: 3, powerLoss: 3, kill: 3, partial: 3, pause: 2 },
};

type Frame = Pick<Plan, 'profile' | 'forming' | 'activeMs'> & { readonly nodes: number };

function drawFaults(dice: Dice, { profile, forming, nodes, activeMs }: Frame): Fault[] {
  const often = ofProfile[profile];
  const needs = forming === 'mapless' ? { ...faultKinds, ...neededByHand } : faultKinds;
  const kinds = (Object.keys(faultKinds) as FaultKind[]).filter(
    (kind) => needs[kind] <= nodes && (often === null || kind in often),
  );
  const faults: Fault[] = [];
  // Mail survives one bad disk, not two.
  const badDisk = dice.split('bad disk').whole(0, nodes - 1);
  for (const kind of kinds) {
    const own = dice.split(kind);
    // Few seeds have nodes enough for it, or come to it.
    if (often === null && !own.chance((forming === 'mapless' ? byHand[kind] : chances[kind]) ?? 0.3)) continue;
    const times = own.whole(1, Math.min(often?.[kind] ?? timesMax[kind] ?? 2, kind === 'membership' ? nodes - 1 : 99));
    for (let i = 0; i < times; i++) {
      faults.push({
        number: faults.length,
        kind,
        atMs: own.between(0, activeMs),
        forMs: own.spread(...durations[kind]),
        machine: machineOf(kind, i, badDisk, own.whole(0, nodes - 1), nodes),
        size: own.fraction(),
        isInWrite: own.chance(0.6),
      });
    }
  }
  return faults;
}

function machineOf(kind: FaultKind, time: number, badDisk: number, drawn: number, nodes: number): number {
  if (kind === 'flip' || kind === 'oldDisk') return badDisk;
  // Each brings one that was not there yet.
  return kind === 'membership' ? nodes - 1 - time : drawn;
}

/** Where there is no map a fourth node changes groups by hand, and nobody refuses an old disk. */
const neededByHand = { membership: 4, oldDisk: 99 };
const byHand: Partial<Record<FaultKind, number>> = { membership: 0.9 };
const chances: Partial<Record<FaultKind, number>> = { membership: 0.5, oldDisk: 0.5, transfer: 0.5 };
/** In one seed; two where nothing else is said. */
const timesMax: Partial<Record<FaultKind, number>> = { kill: 4, powerLoss: 4, skew: 1, oldDisk: 1, membership: 3 };

const durations: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [50, 3_000],
  powerLoss: [200, 5_000],
  pause: [200, 30_000],
  slow: [500, 8_000],
  stall: [500, 6_000],
  eio: [1, 1],
  full: [1_000, 5_000],
  jump: [1, 1],
  skew: [1, 1],
  flip: [500, 5_000],
  edgeRestart: [1, 1],
  replyLoss: [300, 4_000],
  partition: [200, 10_000],
  oneWay: [200, 10_000],
  partial: [200, 10_000],
  linkReset: [1, 1],
  latency: [500, 6_000],
  clog: [100, 2_000],
  blink: [10, 200],
  nap: [800, 4_000],
  transfer: [1, 1],
  lostVote: [1_000, 4_000],
  membership: [1, 1],
  oldDisk: [300, 3_000],
};
