/** Commands: bounded backlogs, one turn at a time, each effect once, answers behind the gate. */
import type { Clock } from '../base/clock.ts';
import { errorData, OperationError } from '../base/errors.ts';
import { InvariantError } from '../base/invariant.ts';
import { RottenRowError } from '../codec/row.ts';
import type { Activation } from './activation.ts';
import type { Activations } from './activations.ts';
import { Continue } from './actor.ts';
import { busy, commandSettled, deadlinePassed, rowDamaged } from './codes.ts';
import type { EngineReports } from './engine.ts';
import type { ShardLog } from './log.ts';
import type { CommandRequest, Outcome, Settle } from './request.ts';
import type { ShardState, ShardTable } from './shard-state.ts';
import type { TurnRunner } from './turn-runner.ts';

export interface CommandLimits {
  readonly backlogCommandsMax: number;
  readonly shardBacklogCommandsMax: number;
  readonly turnMsWarn: number;
}

export interface CommandsOptions {
  readonly activations: Activations;
  readonly shards: ShardTable;
  readonly log: ShardLog;
  readonly clock: Clock;
  readonly limits: CommandLimits;
  readonly runner: TurnRunner;
  readonly makeReady: (activation: Activation) => void;
  readonly reports: Pick<EngineReports, 'bug' | 'turn' | 'slow'>;
}

export class Commands {
  readonly #o: CommandsOptions;

  constructor(options: CommandsOptions) {
    this.#o = options;
  }

  /** Puts a command into its actor's backlog. `settle` is called exactly once, unless the node dies. */
  take(request: CommandRequest, settle: Settle): void {
    const { activations, shards, clock, limits } = this.#o;
    let activation: Activation;
    try {
      activation = activations.of(request.kind, request.key);
    } catch (error) {
      settle({ ok: false, error: errorData(error) });
      return;
    }
    const state = shards.of(activation.shard);
    if (activation.backlog.length >= limits.backlogCommandsMax) {
      settle({ ok: false, error: busy(`${request.kind} ${request.key}`).data });
      return;
    }
    if (state.backlogCommands >= limits.shardBacklogCommandsMax) {
      settle({ ok: false, error: busy(`shard ${activation.shard}`).data });
      return;
    }
    const deadlineMs = clock.monotonicMs() + request.timeoutMs;
    this.#enqueue(activation, state, () => this.#run(activation, state, request, request.command, deadlineMs, settle));
  }

  #enqueue(activation: Activation, state: ShardState, run: () => void): void {
    state.backlogCommands++;
    activation.backlog.push(run);
    this.#o.makeReady(activation);
  }

  #run(
    activation: Activation,
    state: ShardState,
    request: CommandRequest,
    command: { readonly kind: string },
    deadlineMs: number,
    settle: Settle,
  ): void {
    state.backlogCommands--;
    const { log, clock, limits } = this.#o;
    const answerAfter = (index: number, outcome: Outcome): void =>
      state.gate.after(index as ReturnType<ShardLog['lastIndex']>, () => settle(outcome));
    const begunMs = clock.monotonicMs();
    if (begunMs > deadlineMs) {
      settle({ ok: false, error: deadlinePassed().data });
      return;
    }
    const known = state.dedup.lookup(request.id);
    if (known.state === 'known') {
      // The same answer, and not before its effect is durable.
      answerAfter(log.lastIndex(activation.shard), { ok: true, answer: known.answer });
      return;
    }
    if (known.state === 'settled') {
      settle({ ok: false, error: commandSettled().data });
      return;
    }
    try {
      const result = this.#turn(activation, state, request, command);
      if (result.answer instanceof Continue) {
        const next = result.answer.command as { readonly kind: string };
        this.#enqueue(activation, state, () => this.#run(activation, state, request, next, deadlineMs, settle));
      } else {
        answerAfter(result.index, { ok: true, answer: result.answer });
      }
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      // A refusal, too, may rest on what is not committed yet: it waits like any answer.
      answerAfter(log.lastIndex(activation.shard), { ok: false, error: this.#refusal(activation, command, error) });
    }
    const tookMs = clock.monotonicMs() - begunMs;
    this.#o.reports.turn(tookMs);
    if (tookMs > limits.turnMsWarn) this.#o.reports.slow(activation.kind.kind, command.kind, tookMs);
  }

  #turn(activation: Activation, state: ShardState, request: CommandRequest, command: { readonly kind: string }) {
    const { runner } = this.#o;
    const turn = runner.begin(activation, request.principal, request.trace);
    const answer = activation.kind.command(turn, command, activation.volatile);
    const changed = turn.puts.size > 0 || turn.tells.length > 0 || turn.holds.length > 0 || turn.events.length > 0;
    const isLast = !(answer instanceof Continue);
    const index = runner.seal(activation, turn, {
      bodies: request.bodies,
      // Only what had an effect needs a record: asking again for nothing does nothing.
      ...(changed && isLast
        ? { rows: (at) => state.dedup.record(request.id, request.settledBelow, answer, at, turn.nowMs) }
        : {}),
    });
    return { index, answer };
  }

  #refusal(activation: Activation, command: { readonly kind: string }, error: unknown): ReturnType<typeof errorData> {
    if (error instanceof OperationError) return error.data;
    activation.resetVolatile();
    this.#o.reports.bug(`${activation.kind.kind} ${command.kind}`, error);
    return errorData(error instanceof RottenRowError ? rowDamaged(error) : error);
  }
}
