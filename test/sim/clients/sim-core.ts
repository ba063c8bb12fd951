/**
 * `CoreApi` as an edge has it, at one node after another: whichever it is brings what is asked to where the actor lives. Asks
 * again with the same command id, at the next node when one does not answer, until its deadline (plan §9).
 *
 * Promises: an error is `Unsure` exactly when the command may have had its effect, or may have it yet.
 */
import type { ActorRef, AskOptions } from '../../../runtime/actor/actor.ts';
import type { CommandRequest, Outcome } from '../../../runtime/actor/request.ts';
import { type ErrorData, OperationError, refused } from '../../../runtime/base/errors.ts';
import { CommandIds } from '../../../runtime/threads/command-ids.ts';
import type { CoreApi } from '../../../runtime/threads/core-api.ts';
import type { Machine } from '../world/machine.ts';
import type { Dice } from '../world/random.ts';
import { nature, type Timeline } from '../world/timeline.ts';
import type { SimNode } from '../world/sim-node.ts';
import type { CallEnd, ClientNet } from './client-net.ts';

/** Nobody knows whether the command had its effect. */
export class Unsure extends OperationError {}

/** Said before anything happened; they are asked again until the deadline. */
const retriedWithoutEffect = new Set(['busy', 'stopping', 'deadlinePassed', 'notReached']);
/** It may have happened, or happen yet. */
const retriedUnsure = new Set(['notLeader', 'outcomeUnknown']);
/** Another node may be nearer to whoever leads, or have the body. */
const askedElsewhere = new Set(['stopping', 'notReached', 'notLeader', 'outcomeUnknown']);
/** Of a command that was sent before and whose record is gone: it may have had its effect. */
const unsureForGood = new Set(['commandSettled']);

export interface SimCoreOptions {
  readonly name: string;
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly net: ClientNet;
  readonly machines: readonly Machine[];
  readonly shardCount: number;
  readonly attemptMs: number;
  /** Stays with a node that does not answer, until it says that it does not lead. */
  readonly isFaithful: boolean;
  /** Every command that was answered. */
  readonly answered: (ref: ActorRef, command: { readonly kind: string }, answer: unknown) => void;
}

export class SimCore implements CoreApi {
  readonly shardCount: number;
  readonly #o: SimCoreOptions;
  readonly #ids: CommandIds;
  readonly #waiting = new Set<(end: CallEnd) => void>();
  /** Whom it asks: who answered last. */
  #home: number;
  #isGone = false;

  constructor(options: SimCoreOptions) {
    this.#o = options;
    this.shardCount = options.shardCount;
    this.#ids = new CommandIds(options.dice.split('ids'));
    this.#home = options.dice.whole(0, options.machines.length - 1);
  }

  async ask(ref: ActorRef, command: { readonly kind: string }, options: AskOptions): Promise<never> {
    const { caller, settledBelow } = this.#ids;
    const seq = this.#ids.nextSeq();
    const { principal, bodies = [], timeoutMs = 30_000, trace = `${this.#o.name}-${seq}` } = options;
    const { kind, key } = ref;
    const request: CommandRequest = {
      ...{ kind, key, command, settledBelow, principal, trace, bodies, timeoutMs },
      id: { caller, seq },
    };
    try {
      const answer = await this.#untilDeadline(timeoutMs, (node, end, leftMs) =>
        node.ask({ ...request, timeoutMs: leftMs }, end),
      );
      this.#o.answered(ref, command, answer);
      return answer as never;
    } finally {
      this.#ids.settle(seq);
    }
  }

  async query(ref: ActorRef, query: { readonly kind: string }, options: AskOptions): Promise<never> {
    const { kind, key } = ref;
    const { principal, timeoutMs = 30_000 } = options;
    const request = { kind, key, query, principal };
    return (await this.#untilDeadline(timeoutMs, (node, end) => node.query(request, end))) as never;
  }

  /** By whichever node answers. @throws {OperationError} `bodyMissing` when none gets hold of it */
  async readBody(hash: string): Promise<Uint8Array> {
    const { machines, attemptMs } = this.#o;
    for (let i = 0; i < machines.length; i++) {
      const at = (this.#home + i) % machines.length;
      const end = await this.#attempt(at, attemptMs, (node, settle) => void settleBody(node, hash, settle));
      if (end !== 'lost' && end.ok) return end.answer as Uint8Array;
    }
    throw refused('bodyMissing', `no node that answers gets hold of the body ${hash}`);
  }

  subscribe(): () => void {
    return () => undefined;
  }

  inspect(): Promise<unknown> {
    return Promise.resolve(null);
  }

  count(): void {}

  /** The worker is gone: whoever waits hears nothing, and its ids are never used again. */
  die(): void {
    this.#isGone = true;
    for (const end of this.#waiting) end('lost');
    this.#waiting.clear();
  }

  async #untilDeadline(
    timeoutMs: number,
    run: (node: SimNode, settle: (outcome: Outcome) => void, leftMs: number) => void,
  ): Promise<unknown> {
    const { timeline, machines, dice, attemptMs, isFaithful } = this.#o;
    const deadlineMs = timeline.nowMs + timeoutMs;
    let isUnsure = false;
    for (let attempt = 1; ; attempt++) {
      const leftMs = deadlineMs - timeline.nowMs;
      const end = await this.#attempt(this.#home, Math.min(attemptMs, leftMs), (node, settle) =>
        run(node, settle, leftMs),
      );
      if (end !== 'lost' && end.ok) return end.answer;
      const error: ErrorData = end === 'lost' ? lostData : end.error;
      if (end === 'lost' || retriedUnsure.has(error.code) || unsureForGood.has(error.code)) isUnsure = true;
      else if (!retriedWithoutEffect.has(error.code)) throw isUnsure ? new Unsure(error) : new OperationError(error);
      if (end === 'lost' ? !isFaithful : askedElsewhere.has(error.code))
        this.#home = (this.#home + 1) % machines.length;
      const waitMs = dice.spread(5, 40 * Math.min(attempt, 8));
      if (unsureForGood.has(error.code) || this.#isGone || timeline.nowMs + waitMs >= deadlineMs) {
        throw isUnsure ? new Unsure(error) : new OperationError(error);
      }
      await timeline.sleep(waitMs);
    }
  }

  #attempt(
    machine: number,
    patienceMs: number,
    run: (node: SimNode, settle: (outcome: Outcome) => void) => void,
  ): Promise<CallEnd> {
    const { timeline, net, machines } = this.#o;
    if (this.#isGone) return Promise.resolve('lost');
    return new Promise((resolve) => {
      const end = (outcome: CallEnd): void => {
        cancel();
        this.#waiting.delete(end);
        resolve(outcome);
      };
      const cancel = timeline.after(patienceMs, nature, () => end('lost'));
      this.#waiting.add(end);
      net.call(machines[machine]!, run, end);
    });
  }
}

async function settleBody(node: SimNode, hash: string, settle: (outcome: Outcome) => void): Promise<void> {
  try {
    settle({ ok: true, answer: await node.readBody(hash) });
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    settle({ ok: false, error: error.data });
  }
}

const lostData: ErrorData = { code: 'lost', transient: true, text: 'no answer came' };
