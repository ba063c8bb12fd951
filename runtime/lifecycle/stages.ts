/**
 * A node starts in numbered stages and stops in reverse.
 *
 *     200 core   400 certificate   500 edges   600 setup        --> start
 *                                                               <-- stop
 *
 * Promises: a stage starts only when all in front of it have started; when one fails or takes too long, those that did
 * start are stopped in reverse and the error is given on; stopping always comes to its end, whatever a stage does.
 * Leaves to others: which stages there are (`runtime/node/node.ts`), signals.
 */
import type { Clock } from '../base/clock.ts';
import { OperationError } from '../base/errors.ts';
import { invariant } from '../base/invariant.ts';
import type { Logger } from '../observe/logger.ts';
import { stageTooSlow, stoppedMeanwhile } from './codes.ts';

export interface Stage {
  /** Grows from stage to stage, with gaps for those to come. */
  readonly number: number;
  readonly name: string;
  start?(): Promise<void>;
  /** Also called when `start` took too long, since nobody knows how far it came. */
  stop?(): Promise<void>;
  /** Default 30 s. */
  readonly startMsMax?: number;
  /** Default 10 s. */
  readonly stopMsMax?: number;
}

export interface StagesOptions {
  readonly stages: readonly Stage[];
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'error'>;
}

const startMsDefault = 30_000;
const stopMsDefault = 10_000;

export class Stages {
  readonly #o: StagesOptions;
  #toStop: Stage[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: StagesOptions) {
    const { stages } = options;
    for (let i = 1; i < stages.length; i++) {
      invariant(stages[i]!.number > stages[i - 1]!.number, 'the numbers of stages grow');
    }
    this.#o = options;
  }

  /** @throws what the first stage failed with, or `stageTooSlow`, or `stopping`; all is stopped again then */
  async start(): Promise<void> {
    invariant(this.#starting === undefined, 'a node starts once');
    this.#starting = this.#startAll();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** In reverse. Never fails: what a stage cannot stop is logged and left behind. Calling it again waits for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #startAll(): Promise<void> {
    const { clock, log } = this.#o;
    for (const stage of this.#o.stages) {
      if (this.#stopping !== undefined) throw stoppedMeanwhile();
      const { name, number, startMsMax = startMsDefault } = stage;
      const sinceMs = clock.monotonicMs();
      try {
        await this.#within(startMsMax, name, async () => await stage.start?.());
      } catch (error) {
        // A refusal has its text and its cure, and whoever started us says it; anything else is a bug.
        if (error instanceof OperationError) log.info({ stage: number, name }, `stage ${name} did not start`);
        else log.error({ stage: number, name, err: error }, `stage ${name} failed to start`);
        if (clock.monotonicMs() - sinceMs >= startMsMax) this.#toStop.push(stage);
        throw error;
      }
      this.#toStop.push(stage);
      log.info({ stage: number, name, tookMs: Math.round(clock.monotonicMs() - sinceMs) }, `stage ${name} is up`);
    }
  }

  async #stopAll(): Promise<void> {
    const { clock, log } = this.#o;
    // The stage that is starting comes up (or fails) first; `#startAll` then sees that we stop.
    await this.#starting?.catch(() => undefined);
    for (const stage of this.#toStop.reverse()) {
      const { name, number, stopMsMax = stopMsDefault } = stage;
      const sinceMs = clock.monotonicMs();
      try {
        await this.#within(stopMsMax, name, async () => await stage.stop?.());
        log.info({ stage: number, name, tookMs: Math.round(clock.monotonicMs() - sinceMs) }, `stage ${name} is down`);
      } catch (error) {
        log.error({ stage: number, name, err: error }, `stage ${name} failed to stop; going on`);
      }
    }
    this.#toStop = [];
  }

  async #within(limitMs: number, name: string, act: () => Promise<void>): Promise<void> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#o.clock.after(limitMs, () => late.reject(stageTooSlow(name, limitMs)));
    try {
      await Promise.race([act(), late.promise]);
    } finally {
      cancel();
    }
  }
}
