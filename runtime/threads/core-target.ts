/**
 * The core as the other threads reach it: what the engine and the settings fill in, once, at start.
 *
 * The hot path takes callbacks, not promises: one answer costs one call. `settle` is called exactly once, at once or
 * later, in any order. The target may throw an `OperationError` instead of settling; anything else stops the node.
 */
import type { CommandRequest, QueryRequest, Settle } from '../actor/request.ts';

export interface CoreTarget {
  /** Number of shards, for `shardOf`. */
  readonly shardCount: number;
  ask(request: CommandRequest, settle: Settle): void;
  query(request: QueryRequest, settle: Settle): void;
  /** The bytes become the caller's: their buffer is transferred to its thread, so they must not be used here again. */
  readBody(hash: string, range: BodyRange | undefined): Promise<Uint8Array>;
  /** Calls `listener` with the value as it is now (at once or soon) and at every change; returns what ends that. */
  subscribe(topic: string, listener: (value: unknown) => void): () => void;
  inspect(topic: string, argument: unknown): Promise<unknown>;
  count(metric: string, labels: Readonly<Record<string, string>>, by: number): void;
}

export interface BodyRange {
  readonly offset: number;
  readonly length: number;
}
