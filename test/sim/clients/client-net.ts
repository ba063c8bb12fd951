/**
 * Between clients and nodes: calls that take their time, and connections that break. A call ends in an answer, or `lost`:
 * then nobody knows.
 */
import type { Outcome } from '../../../runtime/actor/request.ts';
import type { Life, Machine } from '../world/machine.ts';
import type { Dice } from '../world/random.ts';
import type { SimNode } from '../world/sim-node.ts';
import { nature, type Timeline } from '../world/timeline.ts';

export type CallEnd = Outcome | 'lost';

interface OpenCall {
  readonly life: Life;
  readonly end: (outcome: CallEnd) => void;
}

export class ClientNet {
  /** Part of the answers that never arrive. */
  lossPart = 0;
  lost = 0;
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #open = new Set<OpenCall>();

  constructor(timeline: Timeline, dice: Dice) {
    this.#timeline = timeline;
    this.#dice = dice;
  }

  /** @param ended called once, unless the machine is paused for ever: the caller has a timeout of its own */
  call(
    machine: Machine,
    run: (node: SimNode, answer: (outcome: Outcome) => void) => void,
    ended: (end: CallEnd) => void,
  ): void {
    let isOver = false;
    const end = (outcome: CallEnd): void => {
      if (isOver) return;
      isOver = true;
      ended(outcome);
    };
    this.#timeline.after(this.#delayMs(), nature, () => {
      const { life, node } = machine;
      // Connection refused: it is down, or begins to start.
      if (life === null || node === null) return void this.#timeline.after(this.#delayMs(), nature, () => end('lost'));
      const open: OpenCall = { life, end };
      this.#open.add(open);
      this.#timeline.after(0, life, () => {
        run(node, (outcome) => {
          this.#open.delete(open);
          const isLost = this.#dice.chance(this.lossPart);
          if (isLost) this.lost++;
          this.#timeline.after(this.#delayMs(), nature, () => end(isLost ? 'lost' : outcome));
        });
      });
    });
  }

  /** The process is gone: its connections are reset. */
  died(life: Life): void {
    for (const open of this.#open) {
      if (open.life !== life) continue;
      this.#open.delete(open);
      this.#timeline.after(this.#delayMs(), nature, () => open.end('lost'));
    }
  }

  #delayMs(): number {
    return this.#dice.spread(0.1, 2);
  }
}
