/**
 * The rare calls from the core to a worker, by comlink: the only importer of comlink.
 *
 * comlink loses an error's class and code, and a call to a thread that died never settles. Both are closed here: errors
 * cross as `ErrorData`, and every call has a deadline and fails with `workerLost` when the worker's end is told.
 * (comlink's `node-adapter` is not needed: a MessagePort of Node is an `EventTarget` too.)
 */
import { expose, transferHandlers, wrap } from 'comlink';
import type { MessagePort } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { type ErrorData, errorData, OperationError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { workerLost } from './codes.ts';
import { PendingCalls, promised } from './pending-calls.ts';

/** Numbers by name, for metrics and status. */
export type EdgeStats = Readonly<Record<string, number>>;

export interface CertificatePem {
  readonly certificate: string;
  readonly key: string;
}

/** What an edge lets the core do with it while it serves. */
export interface EdgeControl {
  /** Takes no new sessions, lets those that are there come to an end, and cuts what is left after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  stats(): Promise<EdgeStats>;
  /** New handshakes use it; sessions that are there stay. */
  reloadCertificate(pem: CertificatePem): Promise<void>;
}

/** What a worker exposes. `config` is a plain value. */
export interface WorkerControl extends EdgeControl {
  start(config: unknown): Promise<void>;
}

/** comlink sends whatever was thrown through this handler; its own keeps only message and stack. */
function carryErrorData(): void {
  const stock = transferHandlers.get('throw');
  if (stock === undefined) return;
  transferHandlers.set('throw', {
    canHandle: stock.canHandle,
    serialize: (thrown) => [dataOf((thrown as { readonly value: unknown }).value), []],
    deserialize: (data) => {
      throw new OperationError(data as ErrorData);
    },
  });
}
carryErrorData();

/** Unlike over the network, the reader is our own log: an unknown error keeps its text. */
function dataOf(error: unknown): ErrorData {
  return error instanceof OperationError ? error.data : { ...errorData(error), text: String(error) };
}

/** The worker's end. */
export function serveControl(port: MessagePort, control: WorkerControl): void {
  expose(control, port);
}

/** The core's end: typed calls that always settle. */
export class RemoteControl implements WorkerControl {
  readonly #worker: WorkerControl;
  readonly #name: string;
  readonly #pending: PendingCalls;
  #isLost = false;

  constructor(port: MessagePort, name: string, clock: Clock) {
    this.#worker = wrap<WorkerControl>(port);
    this.#name = name;
    this.#pending = new PendingCalls(clock, controlCallsMax);
  }

  start(config: unknown): Promise<void> {
    return this.#settled(limits.workerStartMs, () => this.#worker.start(config));
  }

  stop(graceMs: number): Promise<void> {
    return this.#settled(graceMs + answerMsMax, () => this.#worker.stop(graceMs));
  }

  stats(): Promise<EdgeStats> {
    return this.#settled(answerMsMax, () => this.#worker.stats());
  }

  reloadCertificate(pem: CertificatePem): Promise<void> {
    return this.#settled(answerMsMax, () => this.#worker.reloadCertificate(pem));
  }

  /** The worker is gone: what is pending fails, and so does whatever comes. */
  lose(): void {
    this.#isLost = true;
    this.#pending.failAll(workerLost(this.#name).data);
  }

  #settled<T>(timeoutMs: number, call: () => Promise<T>): Promise<T> {
    return promised((settle) => {
      if (this.#isLost) throw workerLost(this.#name);
      const id = this.#pending.add(timeoutMs, settle);
      call().then(
        (answer) => this.#pending.settle(id, { ok: true, answer }),
        (error: unknown) => this.#pending.settle(id, { ok: false, error: dataOf(error) }),
      );
    });
  }
}

/** Calls of this channel without an answer. Status and metrics ask every few seconds; more means that nobody answers. */
const controlCallsMax = 100;
/** A worker that is alive answers within this, whatever its load. */
const answerMsMax = 5_000;
