/**
 * The other end of a call: a peer takes this node for the leader, or asks it to hand the call on.
 *
 * Promises: whether this node leads is asked of the engine's own log, never of the hint that brought the call. A call is
 * handed on once at most.
 */
import { notLeader } from '../../runtime/actor/codes.ts';
import type { Outcome, Settle } from '../../runtime/actor/request.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { OperationError } from '../../runtime/base/errors.ts';
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import { bodyHash } from '../../runtime/store/body-rows.ts';
import { bodyBroken } from './codes.ts';
import { type PeerCalls, type ReceivedCall, refusal } from './peer-calls.ts';
import type { Reach } from './reach.ts';
import { type Request, sendRequest } from './request-sending.ts';
import { decodeAsk, decodeQuery, kind } from './wire.ts';

export interface ServingOptions {
  readonly self: NodeId;
  readonly clock: Clock;
  readonly calls: PeerCalls;
  readonly reach: Reach;
  readonly shardOf: (kind: string, key: string) => ShardId;
  readonly serves: (shard: ShardId, isLocal: boolean) => boolean;
  readonly here: (of: Request, leftMs: number, settle: Settle) => void;
  readonly queryMsMax: number;
}

type Reply = ReceivedCall['reply'];

const ledElsewhere: Outcome = { ok: false, error: notLeader().data };

export class Serving {
  readonly #o: ServingOptions;
  #served = 0;
  #handedOn = 0;

  constructor(options: ServingOptions) {
    this.#o = options;
    options.calls.serve(kind.ask, (call) => this.#ask(call));
    options.calls.serve(kind.query, (call) => this.#query(call));
  }

  /** Since the start: calls of peers that were run here, and those handed on. */
  get stats(): { readonly served: number; readonly handedOn: number } {
    return { served: this.#served, handedOn: this.#handedOn };
  }

  #ask({ from, id, fields, reply }: ReceivedCall): void {
    const { onTo, request, staged } = decodeAsk(fields);
    // What is stored under a hash is given out for it: a broken peer must not poison that.
    if (request.bodies.some(({ hash, bytes }) => bodyHash(bytes) !== hash)) return reply(refusal(bodyBroken()));
    if (staged.length === 0) return this.#run(from, { is: 'ask', request }, onTo, request.timeoutMs, reply);
    const { clock, calls } = this.#o;
    const begunMs = clock.monotonicMs();
    calls.assembly.want(from, id, { bodies: staged, timeoutMs: request.timeoutMs }, (assembled) => {
      if ('code' in assembled) return reply(refusal(new OperationError(assembled)));
      const bodies = [...request.bodies, ...assembled];
      const leftMs = Math.max(0, request.timeoutMs - (clock.monotonicMs() - begunMs));
      this.#run(from, { is: 'ask', request: { ...request, bodies } }, onTo, leftMs, reply);
    });
  }

  #query({ from, fields, reply }: ReceivedCall): void {
    const { onTo, request } = decodeQuery(fields);
    this.#run(from, { is: 'query', request }, onTo, this.#o.queryMsMax, reply);
  }

  #run(from: NodeId, of: Request, onTo: NodeId | null, leftMs: number, reply: Reply): void {
    const { shardOf, serves, here } = this.#o;
    const shard = shardOf(of.request.kind, of.request.key);
    if (!serves(shard, of.is === 'query' && of.request.local === true)) {
      return this.#elsewhere(from, shard, of, onTo, leftMs, reply);
    }
    this.#served++;
    here(of, leftMs, (outcome) => {
      const isLost = !outcome.ok && outcome.error.code === 'notLeader';
      reply({ outcome, hint: isLost ? this.#hint(shard) : null, doubt: isLost ? 'ended' : 'none' });
    });
  }

  #elsewhere(from: NodeId, shard: ShardId, of: Request, onTo: NodeId | null, leftMs: number, reply: Reply): void {
    const { self, calls, reach } = this.#o;
    const hint = this.#hint(shard);
    const isWay = (node: NodeId | null): node is NodeId =>
      node !== null && node !== self && node !== from && reach.isOpen(node);
    const to = onTo === null ? undefined : [onTo, hint].find(isWay);
    if (to === undefined) return reply({ outcome: ledElsewhere, hint, doubt: 'none' });
    const id = sendRequest(calls, of, { to, onTo: null, leftMs }, (ending) => {
      if (ending.kind === 'answered') reply(ending.value);
      // It may be on its way to the engine there still.
      else reply({ outcome: ledElsewhere, hint: null, doubt: 'open' });
    });
    if (id === null) reply({ outcome: ledElsewhere, hint, doubt: 'none' });
    else this.#handedOn++;
  }

  /** Never this node: it has just said that it does not lead. */
  #hint(shard: ShardId): NodeId | null {
    const leader = this.#o.reach.leaderOf(shard);
    return leader === this.#o.self ? null : leader;
  }
}
