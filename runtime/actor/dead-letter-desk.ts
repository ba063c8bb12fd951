/** What an operator does with a dead letter: give it to its actor once more, or drop it. */
import { refused } from '../base/errors.ts';
import { type LogIndex, shardId } from '../base/ids.ts';
import { InvariantError } from '../base/invariant.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { Activations } from './activations.ts';
import { noNotices, notLeader } from './codes.ts';
import { deadLetterRemoval, findDeadLetter, type ListedDeadLetter } from './dead-letters.ts';
import type { ShardLog } from './log.ts';
import type { ShardState, ShardTable } from './shard-state.ts';
import type { TurnRunner } from './turn-runner.ts';

export interface DeadLetterDeskOptions {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly activations: Activations;
  readonly runner: TurnRunner;
  /** Runs the work in a loop turn of the dispatcher. */
  readonly enqueue: (work: () => void) => void;
}

export class DeadLetterDesk {
  readonly #o: DeadLetterDeskOptions;
  /** Those whose end is on its way to the store, where they can still be found. */
  readonly #ending = new Set<string>();

  constructor(options: DeadLetterDeskOptions) {
    this.#o = options;
  }

  /** It stays when it fails again. */
  retry(shard: number, index: number): Promise<void> {
    return this.#on(shard, index, (letter) => {
      const { activations, runner } = this.#o;
      const { kind, key, notice } = letter.notice;
      const activation = activations.of(kind, key);
      const turn = runner.begin(activation, { kind: 'operator', id: 'deadLetter' }, letter.notice.trace);
      if (activation.kind.notice === undefined) throw noNotices(kind);
      try {
        activation.kind.notice(turn, notice, activation.volatile);
        const removal = deadLetterRemoval(letter);
        turn.holds.push(...removal.holds);
        return runner.seal(activation, turn, { rows: () => removal.rows });
      } catch (error) {
        activation.resetVolatile();
        throw error;
      }
    });
  }

  drop(shard: number, index: number): Promise<void> {
    return this.#on(shard, index, (letter, { shard: at }) => {
      const timeMs = this.#o.runner.entryTime(at);
      return this.#o.log.append(at, { timeMs, ...deadLetterRemoval(letter), bodies: [] });
    });
  }

  /** @throws {OperationError} `noSuchDeadLetter`, `notLeader`, and what the actor refuses */
  #on(shard: number, index: number, act: (letter: ListedDeadLetter, state: ShardState) => LogIndex): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#o.enqueue(() => {
      const name = `${shard}.${index}`;
      const isShard = shard < this.#o.shards.count;
      const state = isShard ? this.#o.shards.find(shardId(shard)) : undefined;
      if (isShard && state === undefined) return reject(notLeader());
      const letter = state === undefined ? undefined : findDeadLetter(this.#o.store, shard, index);
      if (state === undefined || letter === undefined || this.#ending.has(name)) {
        return reject(refused('noSuchDeadLetter', `there is no dead letter ${name}; list them first`));
      }
      try {
        const after = act(letter, state);
        this.#ending.add(name);
        state.gate.afterOrLost(after, (isCommitted) => {
          this.#ending.delete(name);
          if (isCommitted) resolve();
          else reject(notLeader());
        });
      } catch (error) {
        if (error instanceof InvariantError) throw error;
        reject(error);
      }
    });
    return promise;
  }
}
