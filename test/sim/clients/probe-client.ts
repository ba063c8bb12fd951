/** Asks the probes, of which several clients ask the same ones at once. */
import { hash } from 'node:crypto';
import type { AskOptions, BodyRef } from '../../../runtime/actor/actor.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import type { Edge } from './edge.ts';
import { type ProbeCommand, probes } from './probe-actor.ts';
import { lookAt, probeNames } from './probe-reader.ts';
import { Unsure } from './sim-core.ts';

const options: AskOptions = { principal: { kind: 'operator', id: 'sim' }, timeoutMs: 5_000 };
const bodiesThere = 10;

export class ProbeClient {
  readonly #world: SimWorld;
  readonly #edge: Edge;
  readonly #dice: Dice;
  readonly #name: string;
  readonly #bodies: readonly { readonly body: BodyRef; readonly bytes: Uint8Array }[];
  #count = 0;

  constructor(world: SimWorld, edge: Edge, name: string) {
    this.#world = world;
    this.#edge = edge;
    this.#name = name;
    this.#dice = world.dice.split(`probe ${name}`);
    // The same ones for all clients, so that one lets go of what another begins to hold.
    this.#bodies = Array.from({ length: bodiesThere }, (_, i) => {
      const bytes = new Uint8Array(Buffer.from(`body ${i} `.repeat(20 + 400 * i)));
      return { bytes, body: { hash: hash('sha256', bytes, 'base64url'), sizeBytes: bytes.length } };
    });
  }

  async run(isOver: () => boolean): Promise<void> {
    const { timeline, plan } = this.#world;
    while (!isOver()) {
      await timeline.sleep(this.#dice.spread(plan.mix.pauseMs / 8, plan.mix.pauseMs * 2));
      try {
        await this.#act();
      } catch (error) {
        if (!(error instanceof OperationError)) throw error;
      }
    }
  }

  async #act(): Promise<void> {
    const probe = this.#dice.pick(probeNames);
    const token = `${this.#name}.${++this.#count}`;
    const kind = this.#dice.fraction();
    if (kind < 0.35) await this.#add(probe, token);
    else if (kind < 0.55) await lookAt(this.#world, this.#edge, probe);
    else if (kind < 0.67) await this.#arm(probe, token);
    else if (kind < 0.8) await this.#tell(probe, token);
    else await this.#hold();
  }

  async #add(probe: string, token: string): Promise<void> {
    const ledger = this.#world.oracle.probes;
    const { shown } = ledger.sumOf(probe);
    ledger.asked(probe, `add ${token}`);
    const answer = await this.#ask(probe, { kind: 'add', token }, [[probe, `add ${token}`]]);
    if (answer !== null) ledger.shown(probe, (answer as { readonly sum: number }).sum, shown);
  }

  async #arm(probe: string, token: string): Promise<void> {
    this.#world.oracle.probes.asked(probe, `fired ${token}`);
    const delayMs = Math.round(this.#dice.spread(1, 4_000));
    await this.#ask(probe, { kind: 'arm', token, delayMs }, [[probe, `fired ${token}`]]);
  }

  async #tell(probe: string, token: string): Promise<void> {
    const to = this.#dice.some(probeNames, this.#dice.whole(1, 4));
    for (const each of to) this.#world.oracle.probes.asked(each, `told ${token}`);
    await this.#ask(
      probe,
      { kind: 'tell', token, to },
      to.map((each) => [each, `told ${token}`] as const),
    );
  }

  /** Several at once, so that one lets go of a body while another begins to hold it. */
  async #hold(): Promise<void> {
    const asks = Array.from({ length: this.#dice.whole(1, 5) }, () => {
      const { body, bytes } = this.#dice.pick(this.#bodies);
      const probe = this.#dice.pick(probeNames);
      const tag = this.#dice.pick(['a', 'b']);
      if (this.#dice.chance(0.5)) return this.#ask(probe, { kind: 'letGo', tag }, []);
      // Half of them trust that the store has it: then it must not go meanwhile.
      const bodies = this.#dice.chance(0.5) ? [] : [{ hash: body.hash, bytes }];
      return this.#ask(probe, { kind: 'hold', body, tag }, [], bodies);
    });
    await Promise.all(asks);
  }

  async #ask(
    probe: string,
    command: ProbeCommand,
    promised: readonly (readonly [probe: string, what: string])[],
    bodies: NonNullable<AskOptions['bodies']> = [],
  ): Promise<unknown> {
    const ledger = this.#world.oracle.probes;
    const end = (fate: 'answered' | 'unsure' | 'refused'): void => {
      for (const [of, what] of promised) ledger.ended(of, what, fate);
    };
    try {
      const answer: unknown = await this.#edge.core.ask(probes.ref(probe), command, { ...options, bodies });
      end('answered');
      return answer;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      end(error instanceof Unsure ? 'unsure' : 'refused');
      this.#world.note(`probe ${probe} ${command.kind} ${error.code}`);
      return null;
    }
  }
}
