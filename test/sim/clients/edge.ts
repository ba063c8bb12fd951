/** An edge: a worker that may crash and is started anew, with another caller in its command ids. */
import type { Clock } from '../../../runtime/base/clock.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import { Hardware, NodeClock } from '../world/node-clock.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import { nature } from '../world/timeline.ts';
import type { SimCore } from './sim-core.ts';

export class Edge {
  readonly clock: Clock;
  readonly random: Dice;
  readonly #world: SimWorld;
  readonly #name: string;
  readonly #isFaithful: boolean;
  #core: SimCore;
  #starts = 1;

  constructor(world: SimWorld, name: string, isFaithful = false) {
    this.#isFaithful = isFaithful;
    this.#world = world;
    this.#name = name;
    this.clock = new NodeClock(world.timeline, nature, new Hardware(0, 1));
    this.random = world.dice.split(`edge ${name}`);
    this.#core = world.newCore(`${name} 1`, isFaithful);
  }

  get core(): CoreApi {
    return this.#core;
  }

  restart(): void {
    this.#core.die();
    this.#core = this.#world.newCore(`${this.#name} ${++this.#starts}`, this.#isFaithful);
  }
}
