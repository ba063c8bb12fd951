/**
 * Looks at the probes and changes nothing. It goes on asking the node that answered last, also while that is silent: one that
 * was deposed and does not know it has no other way to be found out.
 */
import { OperationError } from '../../../runtime/base/errors.ts';
import type { AskOptions } from '../../../runtime/actor/actor.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import type { Edge } from './edge.ts';
import { probes } from './probe-actor.ts';

export const probeNames = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];

const options: AskOptions = { principal: { kind: 'operator', id: 'sim' }, timeoutMs: 5_000 };

export class ProbeReader {
  readonly #world: SimWorld;
  readonly #edge: Edge;
  readonly #dice: Dice;

  constructor(world: SimWorld, edge: Edge, name: string) {
    this.#world = world;
    this.#edge = edge;
    this.#dice = world.dice.split(`reader ${name}`);
  }

  async run(isOver: () => boolean): Promise<void> {
    const { timeline, plan } = this.#world;
    while (!isOver()) {
      await timeline.sleep(this.#dice.spread(plan.mix.pauseMs / 8, plan.mix.pauseMs * 2));
      await lookAt(this.#world, this.#edge, this.#dice.pick(probeNames)).catch((error: unknown) => {
        if (!(error instanceof OperationError)) throw error;
      });
    }
  }
}

/** What it shows is at least what anybody had been shown when this began. @throws {OperationError} */
export async function lookAt(world: SimWorld, edge: Edge, probe: string): Promise<void> {
  const ledger = world.oracle.probes;
  const { shown } = ledger.sumOf(probe);
  const { sum } = await edge.core.query(probes.ref(probe), { kind: 'sum' } as const, options);
  ledger.shown(probe, sum, shown);
}
