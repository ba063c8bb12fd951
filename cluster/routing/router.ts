/**
 * Reaches every actor from every node: `ask` and `query` as the engine has them, wherever the shard is led.
 *
 *      edges, cluster/                                  peers
 *            | ask, query                                | frames
 *            v                                           v
 *        [Asking] -- led here --> engine <-- led here -- [Serving]
 *            '------ led elsewhere --> PeerCalls ~ ~ ~ ~ ~'
 *
 * Promises: as `asking.ts` and `serving.ts`. On a lone node it adds a look at the log to each call.
 * Leaves to others: the turns (the engine), who leads (`leaderOf`: a hint), links (`mesh/`).
 */
import type { CommandRequest, QueryRequest, Settle } from '../../runtime/actor/request.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { Limits } from '../../runtime/base/limits.ts';
import type { Random } from '../../runtime/base/random.ts';
import { Asking, type AskingStats } from './asking.ts';
import type { PeerCalls } from './peer-calls.ts';
import { Reach } from './reach.ts';
import type { Request } from './request-sending.ts';
import { Serving } from './serving.ts';

export interface RouterOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly random: Random;
  readonly calls: PeerCalls;
  readonly engine: {
    ask(request: CommandRequest, settle: Settle): void;
    query(request: QueryRequest, settle: Settle): void;
  };
  readonly shardOf: (kind: string, key: string) => ShardId;
  /** Whether turns of the shard may run here: the log's word. */
  readonly serves: (shard: ShardId) => boolean;
  /** Whether a whole copy of the shard is here, for queries that bear an old answer. */
  readonly holds: (shard: ShardId) => boolean;
  /** A hint; null: nobody knows. */
  readonly leaderOf: (shard: ShardId) => NodeId | null;
  readonly isAlive: (node: NodeId) => boolean;
  readonly linkedPeers: () => readonly NodeId[];
  readonly limits: Pick<Limits, 'callsInFlightMax' | 'askTimeoutMs'>;
}

export interface RouterStats extends AskingStats {
  readonly served: number;
  readonly handedOn: number;
}

export class Router {
  readonly #o: RouterOptions;
  readonly #asking: Asking;
  readonly #serving: Serving;

  constructor(options: RouterOptions) {
    this.#o = options;
    const { self, clock, random, calls, shardOf, leaderOf, isAlive, linkedPeers, limits } = options;
    const reach = new Reach({ leaderOf, isAlive, linkedPeers, isLinked: (node) => calls.isLinked(node) });
    const serves = (shard: ShardId, isLocal: boolean): boolean =>
      isLocal ? options.holds(shard) : options.serves(shard);
    const here = (of: Request, leftMs: number, settle: Settle): void => this.#here(of, leftMs, settle);
    const both = { self, clock, calls, reach, serves, here };
    this.#asking = new Asking({ ...both, random, callsMax: limits.callsInFlightMax });
    this.#serving = new Serving({ ...both, shardOf, queryMsMax: limits.askTimeoutMs });
    calls.onLinked(() => this.#asking.linked());
  }

  get stats(): RouterStats {
    return { ...this.#asking.stats, ...this.#serving.stats };
  }

  /** @param settle called exactly once, at the request's deadline at the latest, and never before the effect is committed */
  ask(request: CommandRequest, settle: Settle): void {
    const shard = this.#o.shardOf(request.kind, request.key);
    this.#asking.start({ is: 'ask', request }, shard, request.timeoutMs, settle);
  }

  query(request: QueryRequest, settle: Settle): void {
    const shard = this.#o.shardOf(request.kind, request.key);
    this.#asking.start({ is: 'query', request }, shard, this.#o.limits.askTimeoutMs, settle);
  }

  /** To be told whenever `leaderOf(shard)` or `serves(shard)` may answer otherwise than before. */
  leaderChanged(shard: ShardId): void {
    this.#asking.leaderChanged(shard);
  }

  /** To be told when liveness has given a peer up, or has it back. */
  aliveChanged(peer: NodeId, isAlive: boolean): void {
    if (isAlive) this.#asking.linked();
    else this.#asking.suspected(peer);
  }

  /** Whoever waits is told so; what is under way may still have its effect. */
  stop(): void {
    this.#asking.stop();
  }

  #here(of: Request, leftMs: number, settle: Settle): void {
    const { engine } = this.#o;
    if (of.is === 'query') engine.query(of.request, settle);
    else if (leftMs === of.request.timeoutMs) engine.ask(of.request, settle);
    else engine.ask({ ...of.request, timeoutMs: Math.max(0, leftMs) }, settle);
  }
}
