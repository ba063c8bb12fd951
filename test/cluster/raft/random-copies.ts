/** Copies of states that are on their way: each takes a while, and some are cut short. */
import type { NodeId } from '../../../runtime/base/ids.ts';

export interface Copy {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly base: number;
  readonly atMs: number;
}

export class RandomCopies {
  readonly #underWay = new Set<Copy>();
  readonly #chance: (below: number) => number;
  readonly #ended: (copy: Copy, isWhole: boolean) => void;

  /** @param ended tells both ends what came of it */
  constructor(chance: (below: number) => number, ended: (copy: Copy, isWhole: boolean) => void) {
    this.#chance = chance;
    this.#ended = ended;
  }

  begin(from: NodeId, to: NodeId, base: number, nowMs: number): void {
    this.#underWay.add({ from, to, base, atMs: nowMs + this.#chance(200) });
  }

  /** The node has restarted: what it sent is forgotten; of what it received, some goes on. */
  cutShort(node: NodeId): void {
    for (const copy of this.#underWay) {
      if (copy.from === node) this.#underWay.delete(copy);
      else if (copy.to === node && this.#chance(2) === 0) this.#end(copy, false);
    }
  }

  /** Those that are due end, well if they can. */
  endDue(nowMs: number, canEnd: (copy: Copy) => boolean): void {
    for (const copy of this.#underWay) {
      if (copy.atMs <= nowMs) this.#end(copy, canEnd(copy) && this.#chance(4) > 0);
    }
  }

  #end(copy: Copy, isWhole: boolean): void {
    this.#underWay.delete(copy);
    this.#ended(copy, isWhole);
  }
}
