/**
 * The core's end of one worker's batch port: turns items into calls of the `CoreTarget`.
 *
 * Leaves to others: what is done with them (the engine), the worker's life (`edge-worker.ts`).
 */
import type { BodyAttachment, Principal } from '../actor/actor.ts';
import type { Settle } from '../actor/request.ts';
import type { Clock } from '../base/clock.ts';
import { errorData, OperationError } from '../base/errors.ts';
import { InvariantError, invariant } from '../base/invariant.ts';
import { limits } from '../base/limits.ts';
import { BatchPort, type Item, type Port } from './batch-port.ts';
import type { BodyRange, CoreTarget } from './core-target.ts';
import { op } from './core-wire.ts';
import { sendable } from './sendable.ts';

export interface CoreServerOptions {
  readonly port: Port;
  readonly target: CoreTarget;
  readonly clock: Clock;
  /** The worker's name, for errors. */
  readonly peer: string;
  /** Called with what nobody else is told of: a target's promise failed with no operating error, or a topic is unknown. */
  readonly onBug: (error: unknown) => void;
}

export class CoreServer {
  readonly #target: CoreTarget;
  readonly #onBug: (error: unknown) => void;
  readonly #port: BatchPort;
  readonly #subscriptions = new Map<string, () => void>();
  #caller = '';
  #isClosed = false;

  constructor({ port, target, clock, peer, onBug }: CoreServerOptions) {
    this.#target = target;
    this.#onBug = onBug;
    this.#port = new BatchPort({
      port,
      clock,
      peer,
      serve: (item, settle) => this.#serve(item, settle),
      receive: (item) => this.#receive(item),
    });
    port.on('close', () => this.close());
  }

  /** Answers that are not sent yet are dropped: their commands may still have their effect. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const end of this.#subscriptions.values()) end();
    this.#subscriptions.clear();
    this.#port.close();
  }

  #serve(item: Item, settle: Settle): void {
    switch (item[1]) {
      case op.ask:
        this.#ask(item, settle);
        break;
      case op.query: {
        const [, , kind, key, query, principal] = item as [number, number, string, string, Kinded, Principal];
        this.#target.query({ kind, key, query, principal }, this.#settlePlain(settle));
        break;
      }
      case op.readBody: {
        const [, , hash, offset, length] = item as [number, number, string, number | null, number | null];
        const range: BodyRange | undefined = offset === null || length === null ? undefined : { offset, length };
        this.#settleLater(this.#target.readBody(hash, range), settle, (bytes) => this.#port.giveAway(bytes));
        break;
      }
      case op.inspect:
        this.#settleLater(this.#target.inspect(item[2] as string, item[3]), settle, (value) => value);
        break;
      default:
        invariant(false, `a worker calls known ops only, not ${String(item[1])}`);
    }
  }

  #ask(item: Item, settle: Settle): void {
    const [, , kind, key, command, seq, settledBelow, principal, trace, timeoutMs, sent] = item as [
      ...[number, number, string, string, Kinded, number, number, Principal, string, number],
      [string, Uint8Array][] | null,
    ];
    const bodies: readonly BodyAttachment[] = sent === null ? [] : sent.map(([hash, bytes]) => ({ hash, bytes }));
    this.#target.ask(
      { kind, key, command, id: { caller: this.#caller, seq }, settledBelow, principal, trace, bodies, timeoutMs },
      this.#settlePlain(settle),
    );
  }

  #receive(item: Item): void {
    switch (item[1]) {
      case op.hello:
        this.#caller = item[2] as string;
        break;
      case op.subscribe:
        this.#subscribe(item[2] as string);
        break;
      case op.unsubscribe:
        this.#subscriptions.get(item[2] as string)?.();
        this.#subscriptions.delete(item[2] as string);
        break;
      case op.count:
        this.#target.count(item[2] as string, item[3] as Record<string, string>, item[4] as number);
        break;
      default:
        invariant(false, `a worker tells known ops only, not ${String(item[1])}`);
    }
  }

  #subscribe(topic: string): void {
    invariant(this.#subscriptions.size < limits.subscriptionsMax, 'a worker bounds its subscriptions');
    try {
      const end = this.#target.subscribe(topic, (value) => {
        this.#port.tell([0, op.published, topic, sendable(value)]);
      });
      this.#subscriptions.set(topic, end);
    } catch (error) {
      // Nobody waits for an answer to this; a topic that is not there must not end the core.
      if (!(error instanceof OperationError)) throw error;
      this.#onBug(error);
    }
  }

  /** Makes the answer fit to cross. An actor that answers what cannot cross has a bug; its caller is told. */
  #settlePlain(settle: Settle): Settle {
    return (outcome) => {
      if (!outcome.ok) return settle(outcome);
      let answer: unknown;
      try {
        answer = sendable(outcome.answer);
      } catch (error) {
        return settle({ ok: false, error: errorData(error) });
      }
      if (answer === outcome.answer) return settle(outcome);
      settle({ ...outcome, answer });
    };
  }

  #settleLater<T>(promise: Promise<T>, settle: Settle, prepare: (value: T) => unknown): void {
    promise.then(
      (value) => this.#settlePlain(settle)({ ok: true, answer: prepare(value) }),
      (error: unknown) => {
        settle({ ok: false, error: errorData(error) });
        if (error instanceof OperationError) return;
        // Rethrown it is an unhandled rejection, which stops the node (plan, P6).
        if (error instanceof InvariantError) throw error;
        this.#onBug(error);
      },
    );
  }
}

interface Kinded {
  readonly kind: string;
}
