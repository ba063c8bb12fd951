/**
 * Whether this node should lead at all: its disk and its loop get work done, and its wall clock agrees with the
 * others' (plan §6, §7).
 *
 * Leaves to others: handing leaders over (`groups/`), judging peers (`peer.ts`).
 */
import { OwnAge } from './own-time.ts';
import type { LivenessEffect } from './protocol.ts';
import type { LivenessSettings } from './settings.ts';

export interface Measured {
  /** Own time. */
  readonly ownMs: number;
  readonly clockMs: number;
  readonly lostMs: number;
  readonly wallMs: number;
  readonly commitMs: number;
  readonly turnMs: number;
  /** Wall clocks of living peers, less our monotonic one. */
  readonly wallsAheadMs: readonly number[];
}

export class Fitness {
  readonly #settings: LivenessSettings;
  readonly #commit = new OwnAge();
  readonly #turn = new OwnAge();
  #lostBeforeMs = 0;
  #unfitUntilMs = 0;
  #mayLead = true;
  commitMs = 0;
  turnMs = 0;

  constructor(settings: LivenessSettings) {
    this.#settings = settings;
  }

  get mayLead(): boolean {
    return this.#mayLead;
  }

  judge(now: Measured, out: LivenessEffect[]): void {
    this.commitMs = this.#commit.of(now.commitMs, now.clockMs, now.lostMs, this.#lostBeforeMs);
    this.turnMs = this.#turn.of(now.turnMs, now.clockMs, now.lostMs, this.#lostBeforeMs);
    this.#lostBeforeMs = now.lostMs;
    const problem = this.#problem(now);
    if (problem !== null) this.#unfitUntilMs = now.ownMs + this.#settings.fitAfterMs;
    const mayLead = problem === null && now.ownMs >= this.#unfitUntilMs;
    if (mayLead === this.#mayLead) return;
    this.#mayLead = mayLead;
    out.push({ kind: 'shouldLead', shouldLead: mayLead, reason: problem ?? 'disk, loop and clock are sound again' });
  }

  #problem(now: Measured): string | null {
    const { stallMs, wallOffMsMax } = this.#settings;
    if (this.commitMs >= stallMs) {
      return `the disk hangs: a write has waited for ${seconds(this.commitMs)}; look at the disk of this node`;
    }
    if (this.turnMs >= stallMs) {
      return `the loop hangs: work has waited for ${seconds(this.turnMs)}; look at the load of this node`;
    }
    const aheadMs = aheadOfMedian(now.wallsAheadMs.map((walls) => walls + now.clockMs - now.wallMs));
    if (Math.abs(aheadMs) <= wallOffMsMax) return null;
    const way = aheadMs > 0 ? 'ahead of' : 'behind';
    return `the clock is ${seconds(Math.abs(aheadMs))} ${way} the members' median; let NTP set it`;
  }
}

/**
 * How far this clock is ahead of the median of all, itself included.
 * @param others each other clock, less this one
 */
export function aheadOfMedian(others: readonly number[]): number {
  const all = [0, ...others].sort((a, b) => a - b);
  // Of an even number the two in the middle are the median: with two clocks nobody knows which one is wrong.
  const low = all[Math.ceil(all.length / 2) - 1] ?? 0;
  const high = all[Math.floor(all.length / 2)] ?? 0;
  if (low > 0) return -low;
  return high < 0 ? -high : 0;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
