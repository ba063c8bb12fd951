/**
 * The receiving end of notices: each has its effect once, and in the order of its channel.
 *
 * The target's entry holds the effect and the sequence up to which this source was heard. What was heard already does
 * nothing again, what would leave a gap is refused. A notice that fails again and again becomes a dead letter in the same
 * entry as its inbox step, so that it never blocks the next.
 *
 * Two nodes may both believe that they lead the source, and send the same: only a committed notice is sent, so under one
 * sequence both send the same one.
 */
import { errorData } from '../base/errors.ts';
import type { LogIndex, ShardId } from '../base/ids.ts';
import { InvariantError } from '../base/invariant.ts';
import { encodeRow } from '../codec/row.ts';
import { keyspace, rowKey } from '../store/keys.ts';
import type { StoreOp } from '../store/store.ts';
import type { Activation } from './activation.ts';
import type { BodyAttachment } from './actor.ts';
import { noNotices, wrongShard } from './codes.ts';
import { deadLetterEntry } from './dead-letters.ts';
import type { ShardLog } from './log.ts';
import type { ReceivedNotice } from './notice-route.ts';
import type { StoredNotice } from './outbox.ts';
import type { ShardState, ShardTable } from './shard-state.ts';
import { runtimeRowVersion } from './turn.ts';
import type { TurnRunner } from './turn-runner.ts';

/** Notices of other nodes taken in one loop turn. */
const burstMax = 64;

export interface InboxOptions {
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly attemptsMax: number;
  readonly hasBody: (hash: string) => boolean;
  readonly activate: (kind: string, key: string) => Activation;
  readonly runner: () => TurnRunner;
  /** Asks for a loop turn. */
  readonly wake: () => void;
  readonly failed: (notice: StoredNotice, error: unknown, isDead: boolean) => void;
}

export class Inbox {
  readonly #o: InboxOptions;
  /** Each source has a few on their way to a target, so this is bounded. */
  #received: ReceivedNotice[] = [];

  constructor(options: InboxOptions) {
    this.#o = options;
  }

  get hasWork(): boolean {
    return this.#received.length > 0;
  }

  receive(received: ReceivedNotice): void {
    this.#received.push(received);
    this.#o.wake();
  }

  /** One loop turn. */
  run(): void {
    for (const received of this.#received.splice(0, burstMax)) this.#receive(received);
  }

  /**
   * Takes what is next in its channel, or was taken already.
   * @returns the entry with whose commit it had its effect; undefined: it failed or would leave a gap, and is to come again
   */
  take(
    state: ShardState,
    source: ShardId,
    seq: number,
    notice: StoredNotice,
    bodies: readonly BodyAttachment[],
  ): LogIndex | undefined {
    const last = state.inboxLast(source);
    // Taken before; only its acknowledgement was lost.
    if (seq <= last) return this.#o.log.lastIndex(state.shard);
    // Sent behind one that failed or was lost; or this node leads the target no more and does not know it yet, while the
    // leader that came after it has taken those in between.
    if (seq > last + 1) return undefined;
    const index = this.#apply(state, source, seq, notice, bodies);
    if (index !== undefined) state.setInboxLast(source, seq);
    return index;
  }

  #receive({ target, source, seq, notice, bodies, done }: ReceivedNotice): void {
    const { shards } = this.#o;
    // A peer may be broken, and keys are made of these.
    if (!isShard(source, shards.count) || !isShard(target, shards.count) || !Number.isSafeInteger(seq)) {
      return done('failed');
    }
    const state = shards.find(target);
    if (state === undefined) return done('notLeader');
    if (seq === state.inboxLast(source) + 1 && !this.#hasBodies(notice, bodies)) return done('bodyNotHere');
    const index = this.take(state, source, seq, notice, bodies);
    if (index === undefined) return done('failed');
    state.gate.afterOrLost(index, (isCommitted) => done(isCommitted ? 'applied' : 'notLeader'));
  }

  #hasBodies(notice: StoredNotice, bodies: readonly BodyAttachment[]): boolean {
    return notice.bodies.every(({ hash }) => bodies.some((body) => body.hash === hash) || this.#o.hasBody(hash));
  }

  #apply(
    state: ShardState,
    source: ShardId,
    seq: number,
    notice: StoredNotice,
    bodies: readonly BodyAttachment[],
  ): LogIndex | undefined {
    const inboxRow = (): StoreOp => ({
      key: rowKey([keyspace.inbox, state.shard, source]),
      value: encodeRow(runtimeRowVersion, seq),
    });
    try {
      return this.#turn(state.shard, notice, inboxRow, bodies);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      const failures = (state.noticeFailures.get(source) ?? 0) + 1;
      const isDead = failures >= this.#o.attemptsMax;
      this.#o.failed(notice, error, isDead);
      state.noticeFailures.set(source, failures);
      if (!isDead) return undefined;
      const { log } = this.#o;
      const { shard } = state;
      const timeMs = this.#o.runner().entryTime(shard);
      const entry = deadLetterEntry(shard, log.lastIndex(shard) + 1, timeMs, notice, errorData(error));
      const kept = bodies.filter(({ hash }) => notice.bodies.some((body) => body.hash === hash));
      return log.append(shard, { ...entry, rows: [...entry.rows, inboxRow()], bodies: kept });
    }
  }

  #turn(target: ShardId, notice: StoredNotice, inboxRow: () => StoreOp, bodies: readonly BodyAttachment[]): LogIndex {
    const runner = this.#o.runner();
    const activation = this.#o.activate(notice.kind, notice.key);
    const { kind } = activation;
    if (activation.shard !== target) throw wrongShard(kind.kind, notice.key);
    if (kind.notice === undefined) throw noNotices(kind.kind);
    const turn = runner.begin(activation, { kind: 'node', id: 'outbox' }, notice.trace);
    try {
      kind.notice(turn, notice.notice, activation.volatile);
      return runner.seal(activation, turn, { rows: () => [inboxRow()], bodies });
    } catch (error) {
      activation.resetVolatile();
      throw error;
    }
  }
}

const isShard = (shard: number, count: number): boolean => Number.isInteger(shard) && shard >= 0 && shard < count;
