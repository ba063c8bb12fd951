/**
 * Commands that the cluster itself gives, from the core's own thread: to the metadata group, wherever that is led.
 *
 * Leaves to others: finding it, and asking again under the same id (`routing/`).
 */
import type { ActorRef, AnswerTo, Principal, Protocol } from '../runtime/actor/actor.ts';
import type { CommandRequest, QueryRequest, Settle } from '../runtime/actor/request.ts';
import type { NodeId } from '../runtime/base/ids.ts';
import { limits } from '../runtime/base/limits.ts';
import type { Random } from '../runtime/base/random.ts';
import { CommandIds } from '../runtime/threads/command-ids.ts';
import { promised } from '../runtime/threads/pending-calls.ts';

export interface Asked {
  ask(request: CommandRequest, settle: Settle): void;
  query(request: QueryRequest, settle: Settle): void;
}

export class OwnCommands {
  readonly #to: Asked;
  readonly #ids: CommandIds;
  readonly #principal: Principal;

  constructor(to: Asked, self: NodeId, random: Random) {
    this.#to = to;
    this.#ids = new CommandIds(random);
    this.#principal = { kind: 'node', id: self };
  }

  /** @throws {OperationError} what the actor refused, or a transient code: the effect is then unknown or none */
  ask<P extends Protocol, const C extends P['command']>(
    { kind, key }: ActorRef<P>,
    command: C,
    timeoutMs: number = limits.askTimeoutMs,
  ): Promise<AnswerTo<P, C>> {
    return promised((settle) => {
      const { settledBelow, caller } = this.#ids;
      const seq = this.#ids.nextSeq();
      const about = { principal: this.#principal, trace: `${this.#principal.id}-${seq}`, bodies: [], timeoutMs };
      this.#to.ask({ kind, key, command, id: { caller, seq }, settledBelow, ...about }, (outcome) => {
        this.#ids.settle(seq);
        settle(outcome);
      });
    });
  }

  query<P extends Protocol, const Q extends P['query']>({ kind, key }: ActorRef<P>, query: Q): Promise<AnswerTo<P, Q>> {
    return promised((settle) => this.#to.query({ kind, key, query, principal: this.#principal }, settle));
  }
}
