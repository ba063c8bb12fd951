/**
 * Keeps one edge worker alive.
 *
 * Promises: a worker that crashes is started again with the configuration as it is then, after a wait that doubles up to
 * `workerRestartMsMax` while it goes on crashing; the core lives on. Calls made meanwhile fail with the transient code
 * `workerLost`.
 * Leaves to others: one life of the thread (`edge-worker.ts`), what the worker does (its entry file).
 */
import type { Clock } from '../base/clock.ts';
import { errorData } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { workerLost, workerStartFailed } from './codes.ts';
import type { CertificatePem, EdgeControl, EdgeStats } from './control-channel.ts';
import { EdgeWorker, type EdgeWorkerOptions } from './edge-worker.ts';

export interface SupervisorOptions extends EdgeWorkerOptions {
  /** Called at each start: a restarted worker must not come up with an old certificate or setting. */
  readonly config: () => unknown;
  /** A worker that served went down (it will be restarted): for metrics. */
  readonly onCrash?: (reason: string) => void;
}

export type EdgeStatus = 'stopped' | 'starting' | 'serving' | 'waiting' | 'stopping';

export class Supervisor implements EdgeControl {
  readonly #o: SupervisorOptions;
  readonly #clock: Clock;
  #status: EdgeStatus = 'stopped';
  #worker: EdgeWorker | undefined;
  #cancelRestart: (() => void) | undefined;
  #restartMs = limits.workerRestartMsMin;
  #servingSinceMs = 0;
  #crashCount = 0;

  constructor(options: SupervisorOptions) {
    this.#o = options;
    this.#clock = options.clock;
  }

  get name(): string {
    return this.#o.name;
  }

  get status(): EdgeStatus {
    return this.#status;
  }

  get crashCount(): number {
    return this.#crashCount;
  }

  /**
   * Settles when the worker serves. A first start that fails is not repeated: a port in use needs a person.
   * @throws {OperationError} with the code of whatever failed in the worker, `workerLost` or `deadlinePassed`
   */
  async start(): Promise<void> {
    try {
      await this.#launch();
    } catch (error) {
      this.#status = 'stopped';
      throw workerStartFailed(this.name, errorData(error));
    }
  }

  async stop(graceMs: number): Promise<void> {
    const worker = this.#worker;
    this.#status = 'stopping';
    this.#cancelRestart?.();
    try {
      await worker?.control.stop(graceMs);
    } catch (error) {
      this.#o.log.warn({ thread: this.name, err: error }, 'worker did not stop by itself; it is ended');
    }
    await worker?.kill();
    this.#status = 'stopped';
  }

  async stats(): Promise<EdgeStats> {
    return await this.#serving().control.stats();
  }

  async reloadCertificate(pem: CertificatePem): Promise<void> {
    // One that is down gets it with its configuration when it comes up.
    if (this.#status === 'serving') await this.#serving().control.reloadCertificate(pem);
  }

  #serving(): EdgeWorker {
    if (this.#status !== 'serving' || this.#worker === undefined) throw workerLost(this.name);
    return this.#worker;
  }

  async #launch(): Promise<void> {
    this.#status = 'starting';
    const worker: EdgeWorker = new EdgeWorker(this.#o, (reason) => this.#onEnd(worker, reason));
    this.#worker = worker;
    try {
      await worker.control.start(this.#o.config());
    } catch (error) {
      // A worker whose start failed may still hold half of what it opened.
      await worker.kill();
      throw error;
    }
    if (this.#status !== 'starting') return;
    this.#status = 'serving';
    this.#servingSinceMs = this.#clock.monotonicMs();
  }

  #onEnd(worker: EdgeWorker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    // In `starting` the launch fails by itself, since its call is lost; `stopping` wanted this.
    if (this.#status !== 'serving') return;
    this.#crashCount++;
    if (this.#clock.monotonicMs() - this.#servingSinceMs >= limits.workerHealthyMs) {
      this.#restartMs = limits.workerRestartMsMin;
    }
    this.#o.onCrash?.(reason);
    this.#restartLater(reason);
  }

  #restartLater(reason: string): void {
    const delayMs = this.#restartMs;
    this.#status = 'waiting';
    this.#restartMs = Math.min(delayMs * 2, limits.workerRestartMsMax);
    this.#o.log.error({ thread: this.name, reason, restartMs: delayMs }, 'worker ended; it is started again');
    this.#cancelRestart = this.#clock.after(delayMs, () => void this.#restart());
  }

  async #restart(): Promise<void> {
    try {
      await this.#launch();
      this.#o.log.info({ thread: this.name, crashes: this.#crashCount }, 'worker serves again');
    } catch (error) {
      if (this.#status === 'starting') this.#restartLater(errorData(error).text);
    }
  }
}
