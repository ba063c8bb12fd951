/**
 * Calls that wait for an answer: bounded in number, each with a deadline.
 *
 * Promises: every call that was added is settled exactly once: by its answer, by `deadlinePassed` or by `failAll`.
 * One timer serves all of them, set for the earliest deadline: with a timer each, the timers would cost more than
 * the calls, and nearly all of them are cancelled.
 */
import type { Outcome, Settle } from '../actor/request.ts';
import type { Clock } from '../base/clock.ts';
import { type ErrorData, OperationError } from '../base/errors.ts';
import { callsBusy, deadlinePassed } from './codes.ts';

interface PendingCall {
  readonly settle: Settle;
  readonly deadlineMs: number;
}

/** The sweep wakes at most so often, however close together the deadlines lie. */
const sweepMsMin = 10;

export class PendingCalls {
  readonly #clock: Clock;
  readonly #callsMax: number;
  readonly #calls = new Map<number, PendingCall>();
  #lastId = 0;
  #sweepAtMs = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock, callsMax: number) {
    this.#clock = clock;
    this.#callsMax = callsMax;
  }

  get size(): number {
    return this.#calls.size;
  }

  /**
   * @returns the id (1, 2, 3 …) to settle the call by
   * @throws {OperationError} `busy` when too many wait already
   */
  add(timeoutMs: number, settle: Settle): number {
    if (this.#calls.size >= this.#callsMax) throw callsBusy();
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    const id = ++this.#lastId;
    this.#calls.set(id, { settle, deadlineMs });
    if (deadlineMs < this.#sweepAtMs) this.#sweepAt(deadlineMs);
    return id;
  }

  /** Does nothing for a call that was settled before: an answer may come after its deadline. */
  settle(id: number, outcome: Outcome): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.settle(outcome);
  }

  failAll(error: ErrorData): void {
    this.#stopSweep();
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.settle({ ok: false, error });
  }

  #sweepAt(atMs: number): void {
    this.#stopSweep();
    this.#sweepAtMs = atMs;
    const delayMs = Math.max(sweepMsMin, atMs - this.#clock.monotonicMs());
    this.#cancelSweep = this.#clock.after(delayMs, () => this.#sweep());
  }

  #stopSweep(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#sweepAtMs = Number.POSITIVE_INFINITY;
  }

  #sweep(): void {
    this.#stopSweep();
    const nowMs = this.#clock.monotonicMs();
    const late: number[] = [];
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [id, call] of this.#calls) {
      if (call.deadlineMs <= nowMs) late.push(id);
      else if (call.deadlineMs < earliestMs) earliestMs = call.deadlineMs;
    }
    if (earliestMs < Number.POSITIVE_INFINITY) this.#sweepAt(earliestMs);
    // Last, since a caller may make a new call at once.
    const error = deadlinePassed().data;
    for (const id of late) this.settle(id, { ok: false, error });
  }
}

/** A promise of the answer; what `call` throws is what it is rejected with. */
export function promised<T>(call: (settle: Settle) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: Outcome): void => {
      if (outcome.ok) resolve(outcome.answer as T);
      else reject(new OperationError(outcome.error));
    };
    call(settle);
  });
}
