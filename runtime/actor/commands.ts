/**
 * Commands: bounded backlogs, one turn at a time, each effect once, answers behind the gate.
 *
 * What a turn answers without an entry of its own rests on what it read: a majority confirms first that nobody else
 * writes there (plan §6). When the shard is lost everybody who waits is told `notLeader`: the effect is unknown, and
 * the same id finds out where the shard is led now.
 */
import type { Clock } from '../base/clock.ts';
import { errorData, OperationError } from '../base/errors.ts';
import type { LogIndex } from '../base/ids.ts';
import { InvariantError } from '../base/invariant.ts';
import { RottenRowError } from '../codec/row.ts';
import type { Activation } from './activation.ts';
import type { Activations } from './activations.ts';
import { Continue } from './actor.ts';
import { busy, commandSettled, deadlinePassed, notLeader, rowDamaged } from './codes.ts';
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
  /** Commands that go on in a chain of turns, by id, with those who sent the same one again meanwhile. */
  readonly #chains = new Map<string, Settle[]>();

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
    this.#enqueue(activation, state, () => this.#begin(activation, state, request, deadlineMs, settle));
  }

  /** What waits for its turn at an actor that was forgotten with its shard: run now, each finds that out and settles. */
  lost(activation: Activation): void {
    for (const run of activation.backlog.splice(0)) run();
  }

  #enqueue(activation: Activation, state: ShardState, run: () => void): void {
    state.backlogCommands++;
    activation.backlog.push(run);
    this.#o.makeReady(activation);
  }

  /** The first turn of a command, unless it was begun or done before. */
  #begin(activation: Activation, state: ShardState, request: CommandRequest, deadlineMs: number, settle: Settle): void {
    state.backlogCommands--;
    if (!state.isServed) return settle(ledElsewhere);
    const again = this.#chains.size === 0 ? undefined : this.#chains.get(chainName(request.id));
    if (again !== undefined) {
      again.push(settle);
      return;
    }
    if (this.#o.clock.monotonicMs() > deadlineMs) {
      settle({ ok: false, error: deadlinePassed().data });
      return;
    }
    const known = state.dedup.lookup(request.id);
    if (known.state === 'known') {
      // The same answer, and not before its effect is durable.
      const { answer, index } = known;
      const { log } = this.#o;
      state.gate.afterOrLost(log.lastIndex(activation.shard), (isCommitted) =>
        settle(isCommitted ? { ok: true, answer, copies: log.copies(activation.shard, index) } : ledElsewhere),
      );
      return;
    }
    if (known.state === 'settled') {
      settle({ ok: false, error: commandSettled().data });
      return;
    }
    this.#run(activation, state, request, request.command, settle);
  }

  /** @param chain when it is not the first turn: who asked for the same command again since */
  #run(
    activation: Activation,
    state: ShardState,
    request: CommandRequest,
    command: { readonly kind: string },
    settle: Settle,
    chain?: Settle[],
  ): void {
    const { log, clock, limits } = this.#o;
    const begunMs = clock.monotonicMs();
    try {
      const { index, answer, isRecorded } = this.#turn(activation, state, request, command, chain !== undefined);
      if (answer instanceof Continue) this.#goOn(activation, state, request, answer, settle, chain ?? []);
      else {
        if (chain !== undefined) this.#chains.delete(chainName(request.id));
        this.#answerAfter(state, index, { ok: true, answer }, isRecorded, settle, chain);
      }
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      if (chain !== undefined) this.#chains.delete(chainName(request.id));
      // A refusal, too, may rest on what is not committed yet: it waits like any answer.
      const refusal: Outcome = { ok: false, error: this.#refusal(activation, command, error) };
      this.#answerAfter(state, log.lastIndex(activation.shard), refusal, false, settle, chain);
    }
    const tookMs = clock.monotonicMs() - begunMs;
    this.#o.reports.turn(tookMs);
    if (tookMs > limits.turnMsWarn) this.#o.reports.slow(activation.kind.kind, command.kind, tookMs);
  }

  /** What was begun goes on to its end, whatever its deadline and its caller say: half of it would help nobody. */
  #goOn(
    activation: Activation,
    state: ShardState,
    request: CommandRequest,
    { command }: Continue<unknown>,
    settle: Settle,
    chain: Settle[],
  ): void {
    this.#chains.set(chainName(request.id), chain);
    this.#enqueue(activation, state, () => {
      state.backlogCommands--;
      if (!state.isServed) {
        this.#chains.delete(chainName(request.id));
        return tell(ledElsewhere, settle, chain);
      }
      this.#run(activation, state, request, command as { readonly kind: string }, settle, chain);
    });
  }

  #turn(
    activation: Activation,
    state: ShardState,
    request: CommandRequest,
    command: { readonly kind: string },
    isContinued: boolean,
  ) {
    const { runner } = this.#o;
    const { id, settledBelow, bodies } = request;
    const turn = runner.begin(activation, request.principal, request.trace);
    const answer = activation.kind.command(turn, command, activation.volatile);
    // Only what had an effect needs a record: asking again for nothing does nothing.
    const isRecorded = !(answer instanceof Continue) && (isContinued || turn.hasChanges);
    try {
      const rows = isRecorded ? state.dedup.record(id, settledBelow, answer, turn.nowMs) : undefined;
      const index = runner.seal(activation, turn, rows === undefined ? { bodies } : { bodies, rows });
      return { index, answer, isRecorded };
    } catch (error) {
      // The handler believes that its turn was kept, and so does what it left in memory.
      activation.resetVolatile();
      throw error;
    }
  }

  /** @param isOwn whether entry `index` is of this very turn: its commit says that this node led until then */
  #answerAfter(
    state: ShardState,
    index: LogIndex,
    outcome: Outcome,
    isOwn: boolean,
    settle: Settle,
    chain: readonly Settle[] | undefined,
  ): void {
    state.gate.afterOrLost(index, (isCommitted) => {
      if (!isCommitted) return tell(ledElsewhere, settle, chain);
      const known: Outcome = outcome.ok ? { ...outcome, copies: this.#o.log.copies(state.shard, index) } : outcome;
      if (isOwn) tell(known, settle, chain);
      else state.confirm((isLeader) => tell(isLeader ? known : ledElsewhere, settle, chain));
    });
  }

  #refusal(activation: Activation, command: { readonly kind: string }, error: unknown): ReturnType<typeof errorData> {
    if (error instanceof OperationError) return error.data;
    activation.resetVolatile();
    this.#o.reports.bug(`${activation.kind.kind} ${command.kind}`, error);
    return errorData(error instanceof RottenRowError ? rowDamaged(error) : error);
  }
}

const chainName = ({ caller, seq }: CommandRequest['id']): string => `${caller} ${seq}`;

/** Made once: thousands may be told it at a time. */
export const ledElsewhere: Outcome = { ok: false, error: notLeader().data };

/** @param chain who asked for the same command again while it went on */
function tell(outcome: Outcome, settle: Settle, chain: readonly Settle[] | undefined): void {
  settle(outcome);
  if (chain !== undefined) for (const other of chain) other(outcome);
}
