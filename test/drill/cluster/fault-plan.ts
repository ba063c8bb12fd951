/**
 * Which fault comes next, and how: drawn from a seed, one after the other.
 *
 * Never more than one node, one pair of nodes, or one node's links at a time: a majority is always whole.
 */
import type { Healing } from '../../support/mesh-proxy.ts';
import type { Chance } from '../chance.ts';

/** In the order of the table. What each does is in `faults.ts`. */
export const faultKinds = ['kill', 'stop', 'restart', 'partition', 'cutPair', 'oneWay', 'delay', 'diskStall'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** From 0 up to 1: which of the nodes that may be hit, and which other one goes with it. */
  readonly victimDraw: number;
  readonly otherDraw: number;
  /** How long it lasts; of a kill: how long the node is away after the takeover was seen. */
  readonly holdMs: number;
  /** It begins when so many mails more were answered with 250, in that very turn; null: at any instant. */
  readonly atReply: number | null;
  readonly heals: Healing;
  /** Of a one-way cut: the victim is not heard, or does not hear, one other node or all. */
  readonly ways: 'in' | 'out';
  readonly isAll: boolean;
  /** Of `delay`: of everything that one node sends; of `diskStall`: of every fdatasync. */
  readonly slowMs: number;
}

const shares: Readonly<Record<FaultKind, number>> = {
  ...{ kill: 0.3, stop: 0.14, restart: 0.1, partition: 0.16 },
  ...{ cutPair: 0.08, oneWay: 0.1, delay: 0.07, diskStall: 0.05 },
};

/** Longest and shortest; most are short, so that many fit in. */
const holdMsOf: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [0, 1500],
  stop: [500, 10_000],
  restart: [0, 0],
  partition: [800, 5000],
  cutPair: [500, 4000],
  oneWay: [500, 4000],
  delay: [500, 3000],
  diskStall: [1000, 4000],
};

const delaysMs = [20, 60, 120, 250, 600] as const;
/** Beyond 1.5 s a node takes its own disk for hanging and leads nothing. */
const diskStallsMs = [40, 200, 1000, 2500] as const;

/** @param kinds those that may come; the shares of the others fall away */
export function drawFault(chance: Chance, kinds: readonly FaultKind[]): PlannedFault {
  const kind = drawKind(chance, kinds);
  const [min, max] = holdMsOf[kind];
  return {
    kind,
    victimDraw: chance.fraction(),
    otherDraw: chance.fraction(),
    // Squared: the median lies at a quarter of the range.
    holdMs: Math.round(min + (max - min) * chance.fraction() ** 2),
    atReply: chance.isTrue(0.5) ? chance.between(1, 12) : null,
    heals: chance.isTrue(0.5) ? 'deliver' : 'reset',
    ways: chance.isTrue(0.5) ? 'in' : 'out',
    isAll: chance.isTrue(0.4),
    slowMs: chance.pick(kind === 'diskStall' ? diskStallsMs : delaysMs),
  };
}

function drawKind(chance: Chance, kinds: readonly FaultKind[]): FaultKind {
  const all = kinds.reduce((sum, kind) => sum + shares[kind], 0);
  let draw = chance.fraction() * all;
  return kinds.find((kind) => (draw -= shares[kind]) < 0) ?? (kinds[0] as FaultKind);
}
