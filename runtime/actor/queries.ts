/**
 * Queries: committed rows only, and only when a majority says that nobody else has committed more (ReadIndex, plan §6).
 * On a lone node that costs nothing and the answer comes at once.
 */
import type { Clock } from '../base/clock.ts';
import { errorData } from '../base/errors.ts';
import { type ShardId } from '../base/ids.ts';
import { InvariantError } from '../base/invariant.ts';
import { statePrefix } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { Activations } from './activations.ts';
import type { ActorKind } from './actor.ts';
import { ledElsewhere } from './commands.ts';
import type { EngineReports } from './engine.ts';
import { CommittedView } from './reader.ts';
import type { QueryRequest, Settle } from './request.ts';
import { shardOf } from './shard.ts';
import type { ShardTable } from './shard-state.ts';

export interface QueriesOptions {
  readonly activations: Activations;
  readonly shards: ShardTable;
  readonly store: ReadableStore;
  readonly clock: Clock;
  readonly limits: { readonly turnRowsReadMax: number };
  readonly reports: Pick<EngineReports, 'bug'>;
  readonly fatal: (error: unknown) => void;
}

export class Queries {
  readonly #o: QueriesOptions;

  constructor(options: QueriesOptions) {
    this.#o = options;
  }

  ask(request: QueryRequest, settle: Settle): void {
    const { kind, key, local } = request;
    const { activations, shards } = this.#o;
    let actorKind: ActorKind;
    try {
      actorKind = activations.kindOf(kind, key);
    } catch (error) {
      settle({ ok: false, error: errorData(error) });
      return;
    }
    const shard = shardOf(kind, key, shards.count);
    if (local === true) return this.#answer(actorKind, shard, request, settle);
    const state = shards.find(shard);
    if (state === undefined) return settle(ledElsewhere);
    state.confirm((isLeader) => {
      if (isLeader) this.#answer(actorKind, shard, request, settle);
      else settle(ledElsewhere);
    });
  }

  #answer(actorKind: ActorKind, shard: ShardId, request: QueryRequest, settle: Settle): void {
    const { store, clock, limits, reports, fatal } = this.#o;
    const { kind, key, query, principal } = request;
    try {
      const view = new CommittedView({
        kind: actorKind,
        key,
        prefix: statePrefix(shard, kind, key),
        store,
        nowMs: clock.nowMs(),
        principal,
        rowsReadMax: limits.turnRowsReadMax,
      });
      settle({ ok: true, answer: actorKind.query(view, query) });
    } catch (error) {
      if (error instanceof InvariantError) return fatal(error);
      const data = errorData(error);
      if (data.code === 'internal') reports.bug(`${kind} ${query.kind}`, error);
      settle({ ok: false, error: data });
    }
  }
}
