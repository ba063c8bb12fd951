/** The servers of the domains elsewhere: what they take at the dot is theirs, whatever becomes of their answer. */
import type { Job, RecipientResult } from '../../../actors/delivery-domain/protocol.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';

export type RecipientVerdict = 'taken' | 'later' | 'never';

export interface Rcpt {
  readonly address: string;
  readonly verdict: RecipientVerdict;
}

export class Remote {
  readonly #world: SimWorld;
  readonly #dice: Dice;
  /** Addresses that refuse all mail, once they have said so. */
  readonly #closed = new Set<string>();
  /** Healed: takes everything that it has not refused for good. */
  isKind = false;

  constructor(world: SimWorld) {
    this.#world = world;
    this.#dice = world.dice.split('remote');
  }

  /** MAIL and RCPT. */
  async open(job: Job): Promise<readonly Rcpt[]> {
    await this.#world.timeline.sleep(this.#dice.spread(2, 120));
    return job.recipients.map(({ address }) => ({ address, verdict: this.#verdict(address) }));
  }

  /** DATA to the dot: null when the line broke behind it, so that nobody knows. */
  async dot(job: Job, taken: readonly Rcpt[]): Promise<RecipientResult['outcome'] | null> {
    const { timeline, oracle } = this.#world;
    await timeline.sleep(this.#dice.spread(1, 60));
    const luck = this.isKind ? 1 : this.#dice.fraction();
    if (luck < 0.04) return null;
    if (luck < 0.08) return 'deferred';
    for (const { address } of taken) oracle.outbound.took(job.body.hash, address, job.attemptId, timeline.nowMs);
    this.#world.note(`remote took ${job.attemptId} for ${taken.map(({ address }) => address).join(' ')}`);
    await timeline.sleep(this.#dice.spread(1, 60));
    return luck < 0.16 ? null : 'delivered';
  }

  #verdict(address: string): RecipientVerdict {
    if (this.#closed.has(address)) return 'never';
    const luck = this.#dice.fraction();
    if (!this.isKind && luck < 0.02) {
      this.#closed.add(address);
      return 'never';
    }
    return !this.isKind && luck < 0.12 ? 'later' : 'taken';
  }
}
