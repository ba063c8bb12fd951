/** `CoreApi` inside the core's own thread, for tools and tests: no port, the same ids, deadlines and limits. */
import type { ActorRef, AskOptions } from '../actor/actor.ts';
import type { Settle } from '../actor/request.ts';
import type { Clock } from '../base/clock.ts';
import { OperationError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { workerLost } from './codes.ts';
import { CommandIds } from './command-ids.ts';
import type { CoreApi } from './core-api.ts';
import type { BodyRange, CoreTarget } from './core-target.ts';
import { PendingCalls, promised } from './pending-calls.ts';

export interface LocalCoreOptions {
  readonly target: CoreTarget;
  readonly clock: Clock;
  readonly random: Random;
}

export class LocalCore implements CoreApi {
  readonly shardCount: number;
  readonly #target: CoreTarget;
  readonly #pending: PendingCalls;
  readonly #ids: CommandIds;

  constructor({ target, clock, random }: LocalCoreOptions) {
    this.shardCount = target.shardCount;
    this.#target = target;
    this.#pending = new PendingCalls(clock, limits.callsInFlightMax);
    this.#ids = new CommandIds(random);
  }

  ask(ref: ActorRef, command: { readonly kind: string }, options: AskOptions): Promise<never> {
    return promised((settle) => {
      const { caller, settledBelow } = this.#ids;
      const timeoutMs = options.timeoutMs ?? limits.askTimeoutMs;
      const answer = this.#expect(timeoutMs, (outcome) => {
        this.#ids.settle(seq);
        if (outcome.ok && outcome.copies !== undefined) options.onCopies?.(outcome.copies);
        settle(outcome);
      });
      // Only now, since a call that is refused for want of room must not leave a number unsettled.
      const seq = this.#ids.nextSeq();
      const trace = options.trace ?? `${caller.slice(0, 8)}-${seq}`;
      const { principal, bodies = [] } = options;
      const { kind, key } = ref;
      const id = { caller, seq };
      const request = { kind, key, command, id, settledBelow, principal, trace, bodies, timeoutMs };
      settleRefusal(answer, () => this.#target.ask(request, answer));
    });
  }

  query(ref: ActorRef, query: { readonly kind: string }, options: AskOptions): Promise<never> {
    return promised((settle) => {
      const answer = this.#expect(options.timeoutMs ?? limits.askTimeoutMs, settle);
      const request = { kind: ref.kind, key: ref.key, query, principal: options.principal };
      settleRefusal(answer, () => this.#target.query(request, answer));
    });
  }

  readBody(hash: string, range?: BodyRange): Promise<Uint8Array> {
    return this.#target.readBody(hash, range);
  }

  inspect(topic: string, argument?: unknown): Promise<unknown> {
    return this.#target.inspect(topic, argument);
  }

  subscribe(topic: string, listener: (value: unknown) => void): () => void {
    return this.#target.subscribe(topic, listener);
  }

  count(metric: string, labels: Readonly<Record<string, string>>, by: number): void {
    this.#target.count(metric, labels, by);
  }

  /** Fails what is pending, and stops the deadlines' timer. */
  close(): void {
    this.#pending.failAll(workerLost('the core').data);
  }

  #expect(timeoutMs: number, settle: Settle): Settle {
    const call = this.#pending.add(timeoutMs, settle);
    return (outcome) => this.#pending.settle(call, outcome);
  }
}

/** A target may throw an operating error instead of settling. */
function settleRefusal(settle: Settle, serve: () => void): void {
  try {
    serve();
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    settle({ ok: false, error: error.data });
  }
}
