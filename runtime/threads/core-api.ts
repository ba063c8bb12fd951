/**
 * What an edge worker can ask of the core. Everything that crosses a thread is declared here.
 *
 * comlink carries the rare calls (start, stop, certificates, statistics). The hot path - ask, query, body - rides on one
 * MessagePort as one array per loop turn and direction, since a comlink call costs 20-50 us of both threads and an
 * item of an array 2-5 us (`batch-port.ts`). Both are made once, at start.
 */
import type { Actors } from '../actor/actor.ts';

export interface CoreApi extends Actors {
  /**
   * The bytes of a stored body, or of a part of it.
   * @throws {OperationError} `bodyMissing` (not transient), `bodyDamaged`
   */
  readBody(hash: string, range?: { readonly offset: number; readonly length: number }): Promise<Uint8Array>;
  /** Number of shards, for `shardOf`. */
  readonly shardCount: number;
  /** Cluster settings as they are now and whenever they change; returns a function that ends it. */
  subscribe(topic: string, listener: (value: unknown) => void): () => void;
  /** What only the core knows, for status and metrics: a plain value by name, see `runtime/observe/`. */
  inspect(topic: string, argument?: unknown): Promise<unknown>;
  /** Adds to a named counter of the core's metrics; travels with the next batch. */
  count(metric: string, labels: Readonly<Record<string, string>>, by: number): void;
}
