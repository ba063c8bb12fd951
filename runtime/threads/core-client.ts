/**
 * The core as a worker sees it: `CoreApi` over a batch port.
 *
 * The bodies of an ask are given away: their buffers move to the core's thread, so the caller must not touch them again.
 * Leaves to others: shapes of items (`core-wire.ts`), the core's end (`core-server.ts`).
 */
import type { ActorRef, AskOptions, BodyAttachment, Principal } from '../actor/actor.ts';
import type { Settle } from '../actor/request.ts';
import type { Clock } from '../base/clock.ts';
import type { ErrorData } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import { BatchPort, type Item, type Port } from './batch-port.ts';
import { CommandIds } from './command-ids.ts';
import type { CoreApi } from './core-api.ts';
import type { BodyRange } from './core-target.ts';
import { op } from './core-wire.ts';
import { promised } from './pending-calls.ts';
import { sendable } from './sendable.ts';
import { Topics } from './topics.ts';

export interface CoreClientOptions {
  readonly port: Port;
  readonly clock: Clock;
  readonly random: Random;
  readonly shardCount: number;
  readonly callsInFlightMax?: number;
  /**
   * How long to wait before the same command is sent again under the same id, or null to give the error to the caller.
   * Without it nothing is retried. With it bodies are copied, not transferred, since a retry needs them again.
   */
  readonly retryDelayMs?: (error: ErrorData, attempt: number) => number | null;
}

interface Command {
  readonly ref: ActorRef;
  readonly command: unknown;
  readonly seq: number;
  readonly principal: Principal;
  readonly trace: string;
  readonly bodies: readonly BodyAttachment[];
  readonly deadlineMs: number;
}

/** `CoreApi` for one worker. Made once, at its start. */
export class CoreClient implements CoreApi {
  readonly shardCount: number;
  readonly #o: CoreClientOptions;
  readonly #port: BatchPort;
  readonly #ids: CommandIds;
  readonly #topics: Topics;

  constructor(options: CoreClientOptions) {
    this.#o = options;
    this.shardCount = options.shardCount;
    this.#ids = new CommandIds(options.random);
    this.#port = new BatchPort({
      port: options.port,
      clock: options.clock,
      peer: 'the core',
      ...(options.callsInFlightMax === undefined ? {} : { callsInFlightMax: options.callsInFlightMax }),
      serve: (_item, settle) => settle({ ok: false, error: notServed }),
      receive: (item) => this.#receive(item),
    });
    this.#topics = new Topics(
      options.clock,
      (topic) => this.#port.tell([0, op.subscribe, topic]),
      (topic) => this.#port.tell([0, op.unsubscribe, topic]),
    );
    this.#port.tell([0, op.hello, this.#ids.caller]);
  }

  get callsInFlight(): number {
    return this.#port.callsInFlight;
  }

  ask(ref: ActorRef, command: { readonly kind: string }, options: AskOptions): Promise<never> {
    return promised((settle) => {
      const plain = sendable(command);
      const seq = this.#ids.nextSeq();
      const { clock } = this.#o;
      const whole: Command = {
        ref,
        command: plain,
        seq,
        principal: options.principal,
        trace: options.trace ?? `${this.#ids.caller.slice(0, 8)}-${seq}`,
        bodies: options.bodies ?? [],
        deadlineMs: clock.monotonicMs() + (options.timeoutMs ?? limits.askTimeoutMs),
      };
      this.#attempt(whole, 1, (outcome) => {
        this.#ids.settle(seq);
        if (outcome.ok && outcome.copies !== undefined) options.onCopies?.(outcome.copies);
        settle(outcome);
      });
    });
  }

  query(ref: ActorRef, query: { readonly kind: string }, options: AskOptions): Promise<never> {
    return promised((settle) => {
      const item: Item = [0, op.query, ref.kind, ref.key, sendable(query), options.principal];
      this.#port.call(item, options.timeoutMs ?? limits.askTimeoutMs, settle);
    });
  }

  readBody(hash: string, range?: BodyRange): Promise<Uint8Array> {
    return promised((settle) => {
      const item: Item = [0, op.readBody, hash, range?.offset ?? null, range?.length ?? null];
      this.#port.call(item, limits.askTimeoutMs, settle);
    });
  }

  inspect(topic: string, argument?: unknown): Promise<unknown> {
    return promised((settle) => {
      this.#port.call([0, op.inspect, topic, sendable(argument)], limits.askTimeoutMs, settle);
    });
  }

  subscribe(topic: string, listener: (value: unknown) => void): () => void {
    return this.#topics.subscribe(topic, listener);
  }

  count(metric: string, labels: Readonly<Record<string, string>>, by: number): void {
    this.#port.tell([0, op.count, metric, labels, by]);
  }

  /** Fails what is pending. */
  close(): void {
    this.#port.close();
  }

  #attempt(whole: Command, attempt: number, settle: Settle): void {
    const { clock, retryDelayMs } = this.#o;
    const leftMs = whole.deadlineMs - clock.monotonicMs();
    this.#port.call(this.#askItem(whole, leftMs), leftMs, (outcome) => {
      const delayMs = outcome.ok || retryDelayMs === undefined ? null : retryDelayMs(outcome.error, attempt);
      const isInTime = delayMs !== null && clock.monotonicMs() + delayMs < whole.deadlineMs;
      if (!isInTime) settle(outcome);
      else clock.after(delayMs, () => this.#attempt(whole, attempt + 1, settle));
    });
  }

  #askItem({ ref, command, seq, principal, trace, bodies }: Command, leftMs: number): Item {
    const keepsBodies = this.#o.retryDelayMs !== undefined;
    const sent =
      bodies.length === 0
        ? null
        : bodies.map(({ hash, bytes }) => [hash, this.#port.giveAway(keepsBodies ? new Uint8Array(bytes) : bytes)]);
    const { settledBelow } = this.#ids;
    return [0, op.ask, ref.kind, ref.key, command, seq, settledBelow, principal, trace, leftMs, sent];
  }

  #receive(item: Item): void {
    if (item[1] === op.published) this.#topics.publish(item[2] as string, item[3]);
  }
}

const notServed: ErrorData = { code: 'notServed', transient: false, text: 'this worker serves no calls' };
