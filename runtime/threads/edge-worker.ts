/**
 * One life of one worker thread: from `new Worker` to its exit.
 *
 * Promises: when the worker ends, for whatever reason, both channels to it are closed, every pending call fails with
 * `workerLost`, and `onEnd` is called once.
 * Leaves to others: whether there will be a next life (`supervisor.ts`).
 */
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { RemoteControl } from './control-channel.ts';
import { CoreServer } from './core-server.ts';
import type { CoreTarget } from './core-target.ts';
import type { WorkerSeed } from './worker-main.ts';

/** The part of a logger that is needed here. */
export interface ThreadLog {
  info(fields: Readonly<Record<string, unknown>>, text: string): void;
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
  error(fields: Readonly<Record<string, unknown>>, text: string): void;
}

export interface EdgeWorkerOptions {
  /** E.g. `smtp-1`: names the thread in logs and errors. */
  readonly name: string;
  /** The entry file; it calls `runEdgeWorker`. */
  readonly entry: URL;
  readonly target: CoreTarget;
  readonly clock: Clock;
  readonly log: ThreadLog;
  readonly heapMegabytesMax?: number;
}

export class EdgeWorker {
  readonly control: RemoteControl;
  readonly #worker: Worker;
  readonly #server: CoreServer;
  #reason = 'it exited';

  constructor(options: EdgeWorkerOptions, onEnd: (reason: string) => void) {
    const { name, entry, target, clock, log } = options;
    const core = new MessageChannel();
    const control = new MessageChannel();
    const seed: WorkerSeed = { name, shardCount: target.shardCount, core: core.port2, control: control.port2 };
    this.control = new RemoteControl(control.port1, name, clock);
    this.#server = new CoreServer({
      port: core.port1,
      target,
      clock,
      peer: name,
      onBug: (error) => log.error({ thread: name, err: error }, 'the core failed to answer a worker'),
    });
    this.#worker = new Worker(entry, {
      name,
      workerData: seed,
      transferList: [core.port2, control.port2],
      resourceLimits: { maxOldGenerationSizeMb: options.heapMegabytesMax ?? limits.workerHeapMegabytesMax },
      stdout: true,
      stderr: true,
    });
    // The worker's own logger writes to the process's stderr itself; what comes here was printed by something else.
    forwardLines(this.#worker.stdout, (line) => log.info({ thread: name }, line));
    forwardLines(this.#worker.stderr, (line) => log.warn({ thread: name }, line));
    this.#worker.on('error', (error) => {
      this.#reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
    this.#worker.on('exit', (code) => {
      this.control.lose();
      control.port1.close();
      this.#server.close();
      onEnd(`${this.#reason} (exit code ${code})`);
    });
  }

  /** Ends the thread at once. `onEnd` is called before this settles. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
  }
}

function forwardLines(stream: Readable, forward: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
    forward(line.slice(0, lineCharactersMax)),
  );
}

/** Longer lines are cut: they come from a crash or a library, not from our logger. */
const lineCharactersMax = 8_192;
