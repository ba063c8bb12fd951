/**
 * The rounds of a drill: under load, the node is killed with SIGKILL at a planned moment and started again.
 *
 * Promises: a kill at an event comes in the very turn in which the event was told (`happened`).
 */
import { systemClock } from '../../runtime/base/clock.ts';
import { formatExit, type RingpostNode } from '../support/process-node.ts';
import { formatMoment, type KillMoment } from './kill-plan.ts';
import type { Load } from './load.ts';

/** Under a load that brings events, one comes long before. */
const eventMsMax = 20_000;

export class KillRounds {
  /** From each kill to the first 200 of `/readyz`, the start of the process included. */
  readonly restartMs: number[] = [];
  readonly #progress: (line: string) => void;
  #node: RingpostNode;
  #onEvent: (kind: KillMoment['kind']) => void = () => undefined;

  constructor(node: RingpostNode, progress: (line: string) => void) {
    this.#node = node;
    this.#progress = progress;
  }

  /** The one that runs now. */
  get node(): RingpostNode {
    return this.#node;
  }

  happened(kind: 'reply' | 'arrival'): void {
    this.#onEvent(kind);
  }

  /**
   * @param title e.g. `kill 3/10`
   * @param counts told with the progress
   * @param meanwhile what looks at the node until it dies; it may be cut off
   */
  async run(
    load: Load,
    moment: KillMoment,
    title: string,
    counts: () => string,
    meanwhile: Promise<void>,
  ): Promise<void> {
    const killedMs = await this.#kill(load, moment);
    const exit = await this.#node.ended();
    if (exit.signal !== 'SIGKILL')
      throw new Error(`the node ended by itself: ${formatExit(exit)}\n${this.#node.lastWords}`);
    await meanwhile;
    this.#node = await this.#node.restart();
    const restartMs = Math.round(systemClock.monotonicMs() - killedMs);
    this.restartMs.push(restartMs);
    load.up();
    this.#progress(`${title} ${formatMoment(moment)}: ${counts()}, ready again in ${restartMs} ms`);
  }

  /** @returns when, on the monotonic clock */
  #kill(load: Load, moment: KillMoment): Promise<number> {
    return new Promise((resolve) => {
      const kill = (): void => {
        this.#onEvent = () => undefined;
        this.#node.signal('SIGKILL');
        load.down();
        cancel();
        resolve(systemClock.monotonicMs());
      };
      const cancel = systemClock.after(moment.kind === 'instant' ? moment.afterMs : eventMsMax, kill);
      if (moment.kind === 'instant') return;
      let left = moment.nth;
      this.#onEvent = (kind) => {
        if (kind === moment.kind && --left === 0) kill();
      };
    });
  }
}
