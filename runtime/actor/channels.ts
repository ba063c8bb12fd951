/**
 * Notices between actors, exactly once and in order per pair of shards (plan §9).
 *
 *   source's entry:  effect + outbox row (source, target, seq) + head   -> committed
 *   channel:         hands the notice to the target, one after another
 *   target's entry:  effect + inbox row (target, source) = seq          -> committed
 *   source's entry:  deletes the outbox row (the acknowledgement)
 *
 * A crash between any two steps repeats the step: the target skips a sequence that it applied already. A notice that
 * fails again and again becomes a dead letter in the same entry as its inbox step, so that it never blocks the next.
 */
import type { Clock } from '../base/clock.ts';
import { errorData } from '../base/errors.ts';
import { type LogIndex, type ShardId, shardId } from '../base/ids.ts';
import { InvariantError, invariant } from '../base/invariant.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import { below, keyParts, keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoreOp } from '../store/store.ts';
import type { Activation } from './activation.ts';
import { noNotices } from './codes.ts';
import { deadLetterEntry } from './dead-letters.ts';
import type { BodyHold, ShardLog } from './log.ts';
import { shardOf } from './shard.ts';
import type { ShardTable } from './shard-state.ts';
import { runtimeRowVersion, type Tell } from './turn.ts';
import type { Outgoing, TurnRunner } from './turn-runner.ts';

/** A notice as its outbox row holds it. */
export interface StoredNotice extends Tell {
  readonly trace: string;
}

interface Sent {
  readonly seq: number;
  readonly notice: StoredNotice;
}

class Channel {
  readonly source: ShardId;
  readonly target: ShardId;
  /** The next sequences, in order; what does not fit is read from the store when its turn comes. */
  queue: Sent[] = [];
  /** Highest committed sequence. */
  last: number;
  next: number;
  attempts = 0;
  isReady = false;
  isWaiting = false;
  cancelRetry: (() => void) | undefined;

  constructor(source: ShardId, target: ShardId, next: number, last: number) {
    this.source = source;
    this.target = target;
    this.next = next;
    this.last = last;
  }
}

/** Notices of one channel held in memory, and rows read at once when it fell behind. */
const queuedMax = 256;
/** Notices of one channel run before others get a turn. */
const burstMax = 16;
const retryBaseMs = 50;

interface Ack {
  readonly target: ShardId;
  readonly seq: number;
  readonly notice: StoredNotice;
}

export interface ChannelsOptions {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly clock: Clock;
  readonly attemptsMax: number;
  readonly activate: (kind: string, key: string) => Activation;
  readonly runner: () => TurnRunner;
  /** Asks for a loop turn. */
  readonly wake: () => void;
  readonly failed: (notice: StoredNotice, error: unknown, isDead: boolean) => void;
}

const outboxOwner = (source: ShardId, target: ShardId, seq: number): readonly (string | number)[] => [
  source,
  '',
  'outbox',
  `${target}.${seq}`,
];

export class Channels {
  readonly #o: ChannelsOptions;
  readonly #channels = new Map<number, Channel>();
  #ready: Channel[] = [];
  readonly #acks = new Map<ShardId, Ack[]>();
  #ackWakes = false;
  #underWay = 0;
  #isStopping = false;

  constructor(options: ChannelsOptions) {
    this.#o = options;
  }

  /** Finds what was on its way when the node stopped. One seek a channel, however much waits in it. */
  recover(): void {
    const all = below(rowKey([keyspace.outbox]));
    let from = all.start;
    for (;;) {
      const [first] = this.#o.store.range({ start: from, end: all.end, limit: 1 });
      if (first === undefined) return;
      const [, source, target, seq] = keyParts(first.key) as [string, number, number, number];
      const ofChannel = below(rowKey([keyspace.outbox, source, target]));
      const [end] = this.#o.store.range({ ...ofChannel, limit: 1, reverse: true });
      invariant(end !== undefined, 'a channel that has a first row has a last');
      const last = keyParts(end.key).at(-1) as number;
      const channel = new Channel(shardId(source), shardId(target), seq, last);
      this.#underWay += last - seq + 1;
      this.#channels.set(this.#id(channel.source, channel.target), channel);
      this.#makeReady(channel);
      from = ofChannel.end;
    }
  }

  /** Rows for the notices of one turn, and what sends them once it is committed. */
  outgoing(activation: Activation, tells: readonly Tell[], trace: string): Outgoing {
    const source = activation.shard;
    const state = this.#o.shards.of(source);
    // All of them before the first sequence is drawn: one that cannot be stored must leave no gap.
    const values = tells.map((tell) => encodeRow(runtimeRowVersion, { ...tell, trace } satisfies StoredNotice));
    const rows: StoreOp[] = [];
    const holds: BodyHold[] = [];
    const sent: (Sent & { readonly target: ShardId })[] = [];
    const heads = new Map<ShardId, number>();
    for (const [i, tell] of tells.entries()) {
      const target = shardOf(tell.kind, tell.key, this.#o.shards.count);
      const seq = state.nextOutboxSeq(target);
      const notice: StoredNotice = { ...tell, trace };
      rows.push({ key: rowKey([keyspace.outbox, source, target, seq]), value: values[i]! });
      heads.set(target, seq);
      for (const body of tell.bodies)
        holds.push({ hash: body.hash, owner: outboxOwner(source, target, seq), held: true });
      sent.push({ target, seq, notice });
    }
    for (const [target, seq] of heads) {
      rows.push({ key: rowKey([keyspace.outboxHead, source, target]), value: encodeRow(runtimeRowVersion, seq) });
    }
    return { rows, holds, committed: () => this.#send(source, sent) };
  }

  /** What waits for its next try waits for the next start. */
  stop(): void {
    this.#isStopping = true;
    for (const channel of this.#channels.values()) channel.cancelRetry?.();
  }

  /** Notices committed at their source and not yet acknowledged. */
  get underWay(): number {
    return this.#underWay;
  }

  get hasWork(): boolean {
    return this.#ready.length > 0 || this.#acks.size > 0;
  }

  /** One loop turn: a burst of each ready channel, then the acknowledgements that have gathered. */
  run(): void {
    this.#ackWakes = false;
    const ready = this.#ready;
    this.#ready = [];
    for (const channel of ready) {
      channel.isReady = false;
      this.#drain(channel);
    }
    this.#acknowledge();
  }

  #send(source: ShardId, sent: readonly (Sent & { readonly target: ShardId })[]): void {
    for (const { target, seq, notice } of sent) {
      const id = this.#id(source, target);
      let channel = this.#channels.get(id);
      if (channel === undefined) {
        channel = new Channel(source, target, seq, seq - 1);
        this.#channels.set(id, channel);
      }
      this.#underWay++;
      const isBehind = channel.last !== (channel.queue.at(-1)?.seq ?? channel.next - 1);
      channel.last = seq;
      if (!isBehind && channel.queue.length < queuedMax) channel.queue.push({ seq, notice });
      this.#makeReady(channel);
    }
  }

  #drain(channel: Channel): void {
    for (let done = 0; done < burstMax; done++) {
      if (channel.isWaiting) return;
      if (channel.queue.length === 0) this.#refill(channel);
      const sent = channel.queue[0];
      if (sent === undefined) {
        this.#channels.delete(this.#id(channel.source, channel.target));
        return;
      }
      if (!this.#deliver(channel, sent)) return;
      channel.queue.shift();
      channel.next = sent.seq + 1;
      channel.attempts = 0;
    }
    this.#makeReady(channel);
  }

  #refill(channel: Channel): void {
    if (channel.next > channel.last) return;
    const { start, end } = below(rowKey([keyspace.outbox, channel.source, channel.target]));
    const from = channel.next === 0 ? start : rowKey([keyspace.outbox, channel.source, channel.target, channel.next]);
    for (const row of this.#o.store.range({ start: from, end, limit: queuedMax })) {
      const seq = keyParts(row.key).at(-1) as number;
      channel.queue.push({ seq, notice: decodeRow(row.value).value as StoredNotice });
    }
  }

  /** @returns false when the channel has to wait before it tries again */
  #deliver(channel: Channel, sent: Sent): boolean {
    const { source, target } = channel;
    const state = this.#o.shards.of(target);
    const last = state.inboxLast(source);
    if (sent.seq <= last) {
      // Applied before the crash; only its acknowledgement was lost.
      this.#ackAfter(this.#o.log.lastIndex(target), channel, sent);
      return true;
    }
    invariant(sent.seq === last + 1, 'the sequence of an inbox grows by one');
    const inboxRow = (): StoreOp => ({
      key: rowKey([keyspace.inbox, target, source]),
      value: encodeRow(runtimeRowVersion, sent.seq),
    });
    try {
      const index = this.#apply(sent.notice, inboxRow);
      state.setInboxLast(source, sent.seq);
      this.#ackAfter(index, channel, sent);
      return true;
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      channel.attempts++;
      const isDead = channel.attempts >= this.#o.attemptsMax;
      this.#o.failed(sent.notice, error, isDead);
      if (!isDead) {
        this.#retryLater(channel);
        return false;
      }
      const { log } = this.#o;
      const timeMs = this.#o.runner().entryTime(target);
      const entry = deadLetterEntry(target, log.lastIndex(target) + 1, timeMs, sent.notice, errorData(error));
      const index = log.append(target, { ...entry, rows: [...entry.rows, inboxRow()] });
      state.setInboxLast(source, sent.seq);
      this.#ackAfter(index, channel, sent);
      return true;
    }
  }

  #apply(notice: StoredNotice, inboxRow: () => StoreOp): LogIndex {
    const runner = this.#o.runner();
    const activation = this.#o.activate(notice.kind, notice.key);
    const { kind } = activation;
    if (kind.notice === undefined) throw noNotices(kind.kind);
    const turn = runner.begin(activation, { kind: 'node', id: 'outbox' }, notice.trace);
    try {
      kind.notice(turn, notice.notice, activation.volatile);
      return runner.seal(activation, turn, { rows: () => [inboxRow()] });
    } catch (error) {
      activation.resetVolatile();
      throw error;
    }
  }

  #retryLater(channel: Channel): void {
    channel.isWaiting = true;
    if (this.#isStopping) return;
    channel.cancelRetry = this.#o.clock.after(retryBaseMs * 2 ** channel.attempts, () => {
      channel.isWaiting = false;
      this.#makeReady(channel);
    });
  }

  /** The source may forget a notice only when its effect at the target is committed. */
  #ackAfter(index: LogIndex, channel: Channel, sent: Sent): void {
    this.#o.shards.of(channel.target).gate.after(index, () => {
      const acks = this.#acks.get(channel.source);
      const ack: Ack = { target: channel.target, seq: sent.seq, notice: sent.notice };
      if (acks === undefined) this.#acks.set(channel.source, [ack]);
      else acks.push(ack);
      if (!this.#ackWakes) {
        this.#ackWakes = true;
        this.#o.wake();
      }
    });
  }

  #acknowledge(): void {
    const { log } = this.#o;
    for (const [source, acks] of this.#acks) {
      const rows: StoreOp[] = [];
      const holds: BodyHold[] = [];
      for (const { target, seq, notice } of acks) {
        rows.push({ key: rowKey([keyspace.outbox, source, target, seq]), value: null });
        for (const body of notice.bodies) {
          holds.push({ hash: body.hash, owner: outboxOwner(source, target, seq), held: false });
        }
      }
      this.#underWay -= acks.length;
      log.append(source, { timeMs: this.#o.runner().entryTime(source), rows, holds, bodies: [] });
    }
    this.#acks.clear();
  }

  #makeReady(channel: Channel): void {
    if (channel.isReady || channel.isWaiting) return;
    channel.isReady = true;
    this.#ready.push(channel);
    this.#o.wake();
  }

  #id(source: ShardId, target: ShardId): number {
    return source * this.#o.shards.count + target;
  }
}
