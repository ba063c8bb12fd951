/**
 * The loop: which turn runs next. Actors with work take turns, one command each, within a slice of time, so that a
 * long backlog never keeps input, timers or heartbeats waiting.
 */
import type { Clock } from '../base/clock.ts';
import type { Activation } from './activation.ts';

/**
 * How long one loop turn may run actors before input is looked at again. A finished commit is input too: with 8 ms, and
 * with all calls of an edge's turn in one message, edge and core waited for each other's whole batch (7 to 17 % of the
 * throughput at 50 sessions on two cores).
 */
const sliceMs = 1;

export interface DispatcherOptions {
  readonly clock: Clock;
  /** False while too much waits for the disk: nothing runs until a commit wakes the loop. */
  readonly mayRun: () => boolean;
  /** Notices, coming and going: each has work, and does a bounded part of it. */
  readonly notices: readonly { readonly hasWork: boolean; run(): void }[];
  /** The loop turn is over: what was appended may be written. */
  readonly endTurn: () => void;
  readonly fatal: (error: unknown) => void;
}

export class Dispatcher {
  readonly #o: DispatcherOptions;
  #ready: Activation[] = [];
  #work: (() => void)[] = [];
  #isScheduled = false;

  constructor(options: DispatcherOptions) {
    this.#o = options;
  }

  get hasWork(): boolean {
    return this.#ready.length > 0 || this.#work.length > 0 || this.#o.notices.some((part) => part.hasWork);
  }

  makeReady(activation: Activation): void {
    if (activation.isReady) return;
    activation.isReady = true;
    this.#ready.push(activation);
    this.wake();
  }

  /** Work of the runtime itself, e.g. due timers. */
  enqueue(work: () => void): void {
    this.#work.push(work);
    this.wake();
  }

  wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#o.clock.soon(() => {
      this.#isScheduled = false;
      try {
        this.#turn();
      } catch (error) {
        this.#o.fatal(error);
      }
    });
  }

  #turn(): void {
    const { mayRun, notices, endTurn } = this.#o;
    if (mayRun()) {
      const work = this.#work;
      this.#work = [];
      for (const run of work) run();
      for (const part of notices) if (part.hasWork) part.run();
      this.#runActors();
    }
    endTurn();
    // When too much is pending, the next commit wakes the loop.
    if (mayRun() && this.hasWork) this.wake();
  }

  #runActors(): void {
    const { clock, mayRun } = this.#o;
    const untilMs = clock.monotonicMs() + sliceMs;
    const ready = this.#ready;
    let next = 0;
    for (; next < ready.length; next++) {
      if (clock.monotonicMs() > untilMs || !mayRun()) break;
      const activation = ready[next]!;
      // Empty when its shard was lost.
      activation.backlog.shift()?.();
      // Behind the others: a busy actor does not starve them.
      if (activation.backlog.length > 0) ready.push(activation);
      else activation.isReady = false;
    }
    this.#ready = next >= ready.length ? [] : ready.slice(next);
  }
}
