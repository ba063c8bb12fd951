/**
 * One MessagePort between two threads, where the calls and answers of a loop turn travel as arrays of a few.
 *
 *     call, call, answer, tell   --soon-->   postMessage([item, item, item, item])   -->   one event at the other end
 *
 * An item is an array: [id, op, ...] a call, [-id, 0, answer, copies?] or [-id, 1, code, transient, text] its answer,
 * [0, op, ...] told without an answer. Structured clone of such arrays costs as much as msgpackr does, and less for
 * small batches (README.md has the numbers). Sent in the loop's check phase (`clock.soon`), so that the input of all
 * sockets of a turn shares batches; a microtask would send one for each socket.
 *
 * Promises: every call is settled exactly once; an error's code survives; both ends may call.
 * Leaves to others: what an op means (`core-wire.ts`), who is at the other end (`edge-worker.ts`).
 */
import type { Copies, Outcome, Settle } from '../actor/request.ts';
import type { Clock } from '../base/clock.ts';
import { type ErrorData, errorData, OperationError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { workerLost } from './codes.ts';
import { PendingCalls } from './pending-calls.ts';
import { transferable } from './sendable.ts';

/** What is used of a MessagePort. */
export interface Port {
  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: 'message', listener: (value: unknown) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  close(): void;
}

/** [id or 0, op, ...]. A call is built with 0; the port puts its id there. */
export type Item = [number, ...unknown[]];

export interface BatchPortOptions {
  readonly port: Port;
  readonly clock: Clock;
  /** Who is at the other end, in words, for errors. */
  readonly peer: string;
  readonly callsInFlightMax?: number;
  /** Serves a call of the other end; may throw an `OperationError` instead of settling. */
  readonly serve: (item: Item, settle: Settle) => void;
  /** Takes what the other end told. */
  readonly receive: (item: Item) => void;
}

/**
 * So many items do not wait for the end of the turn: the other end begins with them while this one goes on. A message
 * costs about 10 us, one item more 1 to 2.
 */
export const batchItemsMax = 6;
const answered = 0;
const failed = 1;

export class BatchPort {
  readonly #o: BatchPortOptions;
  readonly #pending: PendingCalls;
  #batch: Item[] = [];
  #transfer = new Set<ArrayBuffer>();
  #isFlushDue = false;
  #isClosed = false;

  constructor(options: BatchPortOptions) {
    this.#o = options;
    this.#pending = new PendingCalls(options.clock, options.callsInFlightMax ?? limits.callsInFlightMax);
    options.port.on('message', (batch) => this.#takeBatch(batch as Item[]));
    options.port.on('close', () => this.close());
  }

  get callsInFlight(): number {
    return this.#pending.size;
  }

  /** `settle` may be called at once: with `busy`, or `workerLost` when the port is closed. */
  call(item: Item, timeoutMs: number, settle: Settle): void {
    if (this.#isClosed) {
      settle({ ok: false, error: workerLost(this.#o.peer).data });
      return;
    }
    try {
      item[0] = this.#pending.add(timeoutMs, settle);
    } catch (error) {
      settle({ ok: false, error: errorData(error) });
      return;
    }
    this.#send(item);
  }

  tell(item: Item): void {
    this.#send(item);
  }

  /** Bytes to put into an item that is sent in this turn; their buffer goes to the other thread with the batch. */
  giveAway(bytes: Uint8Array): Uint8Array {
    const own = transferable(bytes);
    this.#transfer.add(own.buffer);
    return own;
  }

  /** Fails what is pending; what was not sent yet is dropped. Also happens by itself when the other end goes. */
  close(error: ErrorData = workerLost(this.#o.peer).data): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#batch = [];
    this.#transfer.clear();
    this.#o.port.close();
    this.#pending.failAll(error);
  }

  #send(item: Item): void {
    if (this.#isClosed) return;
    const count = this.#batch.push(item);
    if (count === 1 && !this.#isFlushDue) {
      this.#isFlushDue = true;
      this.#o.clock.soon(() => {
        this.#isFlushDue = false;
        this.#flush();
      });
    }
    if (count >= batchItemsMax) this.#flush();
  }

  #flush(): void {
    if (this.#isClosed || this.#batch.length === 0) return;
    const batch = this.#batch;
    const transfer = [...this.#transfer];
    this.#batch = [];
    this.#transfer.clear();
    try {
      this.#o.port.postMessage(batch, transfer);
    } catch {
      // One value that cannot be cloned fails the whole batch, before anything is transferred: find it.
      for (const item of batch) this.#sendAlone(item, transfer);
    }
  }

  #sendAlone(item: Item, transfer: readonly ArrayBuffer[]): void {
    try {
      this.#o.port.postMessage(
        [item],
        transfer.filter((buffer) => !buffer.detached && names(item, buffer)),
      );
    } catch (error) {
      const refusal: ErrorData = { code: 'notSendable', transient: false, text: `not sendable: ${String(error)}` };
      if (item[0] > 0) this.#pending.settle(item[0], { ok: false, error: refusal });
      else if (item[0] < 0) this.#send(failure(-item[0], refusal));
      else throw error;
    }
  }

  #takeBatch(batch: readonly Item[]): void {
    for (const item of batch) {
      if (this.#isClosed) return;
      const id = item[0];
      if (id < 0) this.#pending.settle(-id, outcomeOf(item));
      else if (id > 0) this.#serve(item, id);
      else this.#o.receive(item);
    }
  }

  #serve(item: Item, id: number): void {
    const settle: Settle = (outcome) => this.#send(outcome.ok ? success(id, outcome) : failure(id, outcome.error));
    try {
      this.#o.serve(item, settle);
    } catch (error) {
      // Anything else is a bug of this side and stops it (plan, P6).
      if (!(error instanceof OperationError)) throw error;
      settle({ ok: false, error: error.data });
    }
  }
}

function success(id: number, { answer, copies }: Outcome & { readonly ok: true }): Item {
  return copies === undefined ? [-id, answered, answer] : [-id, answered, answer, copies];
}

function failure(id: number, error: ErrorData): Item {
  return [-id, failed, error.code, error.transient, error.text];
}

function outcomeOf(item: Item): Outcome {
  if (item[1] === answered) {
    const [, , answer, copies] = item;
    return copies === undefined ? { ok: true, answer } : { ok: true, answer, copies: copies as Copies };
  }
  return { ok: false, error: { code: item[2] as string, transient: item[3] as boolean, text: item[4] as string } };
}

/** Whether `value` holds bytes of `buffer`. Only for the rare repair of a failed batch. */
function names(value: unknown, buffer: ArrayBuffer): boolean {
  if (value instanceof Uint8Array) return value.buffer === buffer;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((inner) => names(inner, buffer));
}
