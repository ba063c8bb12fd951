/**
 * Notices between actors, exactly once and in order per pair of shards (plan §9): the sending end.
 *
 *   source's entry:  effect + outbox row (source, target, seq) + head   -> committed
 *   channel:         hands the notice to the target, one after another
 *   target's entry:  effect + inbox row (target, source) = seq          -> committed  (inbox.ts)
 *   source's entry:  deletes the outbox row (the acknowledgement)
 *
 * A crash or a change of leaders between any two steps repeats the step: the target skips a sequence that it took
 * already. A target that is served here takes its notices in the same loop turn; one that is led elsewhere gets them
 * by the route, a few at a time. Who leads it may change at any moment, so a channel begins again at the first without
 * an acknowledgement whenever that happens, or no answer comes.
 */
import type { Clock } from '../base/clock.ts';
import type { LogIndex, ShardId } from '../base/ids.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { Activation } from './activation.ts';
import { Channel, queuedMax } from './channel.ts';
import type { ShardLog } from './log.ts';
import type { NoticeOutcome, NoticeRoute } from './notice-route.ts';
import { ackRows, keptChannels, outboxRows, readOutbox, type Sent, type StoredNotice } from './outbox.ts';
import type { ShardState, ShardTable } from './shard-state.ts';
import type { Tell } from './turn.ts';
import type { Outgoing, TurnRunner } from './turn-runner.ts';

/** Notices of one channel run before others get a turn. */
const burstMax = 16;
/** Notices of one channel on their way to another node: enough to share its group commits. */
const flightMax = 16;
const retryBaseMs = 50;
/** A leader is found again within a second or so, and nobody should wait long for it after that. */
const leaderlessMsMax = 1_000;
const failedMsMax = 10_000;
/** A route that does not answer for so long has lost the notice, or its answer. */
const answerMsMax = 10_000;

export interface ChannelsOptions {
  readonly store: ReadableStore;
  readonly log: ShardLog;
  readonly shards: ShardTable;
  readonly clock: Clock;
  /** As `Inbox.take`. */
  readonly take: (state: ShardState, source: ShardId, seq: number, notice: StoredNotice) => LogIndex | undefined;
  /** To shards that are led elsewhere; without one they wait. */
  readonly route: NoticeRoute | undefined;
  readonly runner: () => TurnRunner;
  /** Asks for a loop turn. */
  readonly wake: () => void;
}

export class Channels {
  readonly #o: ChannelsOptions;
  /** By source, of all that are served, and by target, of those with something under way. */
  readonly #channels = new Map<ShardId, Map<ShardId, Channel>>();
  #ready: Channel[] = [];
  readonly #acks = new Map<ShardId, Sent[]>();
  #ackWakes = false;
  #underWay = 0;
  #isStopping = false;

  constructor(options: ChannelsOptions) {
    this.#o = options;
  }

  /** Finds what is on its way from a shard, and brings to it what waited for it. */
  served(shard: ShardId): void {
    const ofSource = new Map<ShardId, Channel>();
    this.#channels.set(shard, ofSource);
    for (const { target, first, last } of keptChannels(this.#o.store, shard)) {
      const channel = new Channel(shard, target, first - 1, last);
      this.#underWay += last - channel.acked;
      ofSource.set(target, channel);
      this.#makeReady(channel);
    }
    this.#targetMoved(shard);
  }

  /** What is under way from the shard is its next leader's; what goes to it has to look for that one. */
  lost(shard: ShardId): void {
    for (const channel of this.#channels.get(shard)?.values() ?? []) {
      this.#underWay -= channel.last - channel.acked;
      channel.end();
    }
    this.#channels.delete(shard);
    this.#acks.delete(shard);
    this.#targetMoved(shard);
  }

  /** Rows for the notices of one turn, and what sends them once it is committed. */
  outgoing(activation: Activation, tells: readonly Tell[], trace: string): Outgoing {
    const { shards } = this.#o;
    const source = activation.shard;
    const { rows, holds, sent } = outboxRows(shards.of(source), shards.count, tells, trace);
    return { rows, holds, committed: () => this.#send(source, sent) };
  }

  /** What waits for its next try waits for the next start. */
  stop(): void {
    this.#isStopping = true;
    for (const ofSource of this.#channels.values()) for (const channel of ofSource.values()) channel.cancelAlarm?.();
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

  #targetMoved(target: ShardId): void {
    for (const ofSource of this.#channels.values()) {
      const channel = ofSource.get(target);
      if (channel === undefined) continue;
      channel.attempts = 0;
      channel.beginAgain();
      this.#makeReady(channel);
    }
  }

  #send(source: ShardId, sent: readonly Sent[]): void {
    const ofSource = this.#channels.get(source)!;
    for (const one of sent) {
      let channel = ofSource.get(one.target);
      if (channel === undefined) {
        channel = new Channel(source, one.target, one.seq - 1, one.seq - 1);
        ofSource.set(one.target, channel);
      }
      this.#underWay++;
      channel.committed(one);
      this.#makeReady(channel);
    }
  }

  #drain(channel: Channel): void {
    for (let done = 0; done < burstMax; done++) {
      if (channel.isWaiting || channel.isEnded) return;
      if (channel.flown === channel.queue.length) this.#refill(channel);
      const sent = channel.queue[channel.flown];
      // Nothing is left to hand over: the last acknowledgement ends the channel, or an earlier one makes room.
      if (sent === undefined) return;
      const state = this.#o.shards.find(channel.target);
      if (!(state === undefined ? this.#deliverAway(channel, sent) : this.#deliverHere(channel, sent, state))) return;
    }
    this.#makeReady(channel);
  }

  #refill(channel: Channel): void {
    if (!channel.isBehind || !channel.hasRoom) return;
    const { source, target, queue, lastQueued } = channel;
    const limit = queuedMax - queue.length;
    queue.push(...readOutbox(this.#o.store, { source, target, seq: lastQueued + 1, limit }));
  }

  /** @returns false when the channel has to wait before it tries again */
  #deliverHere(channel: Channel, sent: Sent, state: ShardState): boolean {
    const index = this.#o.take(state, channel.source, sent.seq, sent.notice);
    if (index === undefined) {
      this.#retryLater(channel, failedMsMax);
      return false;
    }
    channel.flown++;
    channel.attempts = 0;
    state.gate.after(index, () => this.#applied(channel, sent.seq));
    return true;
  }

  /** @returns false when the channel has to wait for an answer, or before it tries again */
  #deliverAway(channel: Channel, { seq, notice }: Sent): boolean {
    const { source, target, round } = channel;
    const { route } = this.#o;
    if (route === undefined) {
      this.#retryLater(channel, leaderlessMsMax);
      return false;
    }
    // After a failure one goes ahead, until it has got through.
    if (channel.flown >= (channel.attempts === 0 ? flightMax : 1)) return false;
    channel.flown++;
    if (channel.cancelAlarm === undefined) this.#expectAnswer(channel);
    route.deliver(target, source, seq, notice, (outcome) => this.#answered(channel, round, seq, outcome));
    return true;
  }

  #answered(channel: Channel, round: number, seq: number, outcome: NoticeOutcome): void {
    if (outcome === 'applied') return this.#applied(channel, seq);
    // Of an earlier round it tells of a leader that was asked then; those behind it were refused for the gap.
    if (channel.isEnded || round !== channel.round) return;
    channel.beginAgain();
    this.#retryLater(channel, outcome === 'failed' ? failedMsMax : leaderlessMsMax);
  }

  /** True for ever, whoever tells it and however late: with it all in front of it are applied. */
  #applied(channel: Channel, seq: number): void {
    if (channel.isEnded || seq <= channel.acked) return;
    const { source, target, queue } = channel;
    let acks = this.#acks.get(source);
    if (acks === undefined) this.#acks.set(source, (acks = []));
    for (let first = queue[0]; first !== undefined && first.seq <= seq; first = queue[0]) {
      acks.push(first);
      queue.shift();
      channel.acked = first.seq;
      if (channel.flown > 0) channel.flown--;
      this.#underWay--;
    }
    channel.attempts = 0;
    if (channel.acked === channel.last) {
      channel.end();
      this.#channels.get(source)!.delete(target);
    } else if (channel.flown < queue.length || (channel.isBehind && channel.hasRoom)) {
      this.#makeReady(channel);
    }
    if (this.#ackWakes) return;
    this.#ackWakes = true;
    this.#o.wake();
  }

  #retryLater(channel: Channel, msMax: number): void {
    channel.attempts++;
    channel.isWaiting = true;
    if (this.#isStopping) return;
    channel.cancelAlarm?.();
    channel.cancelAlarm = this.#o.clock.after(Math.min(msMax, retryBaseMs * 2 ** channel.attempts), () => {
      channel.stopWaiting();
      this.#makeReady(channel);
    });
  }

  /** One alarm a channel, however many notices are on their way. */
  #expectAnswer(channel: Channel): void {
    const { acked, round } = channel;
    if (this.#isStopping) return;
    channel.cancelAlarm = this.#o.clock.after(answerMsMax, () => {
      channel.cancelAlarm = undefined;
      if (channel.flown === 0) return;
      if (channel.acked === acked && channel.round === round) this.#answered(channel, round, acked + 1, 'failed');
      else this.#expectAnswer(channel);
    });
  }

  #acknowledge(): void {
    const { log } = this.#o;
    for (const [source, acked] of this.#acks) {
      const { rows, holds } = ackRows(source, acked);
      log.append(source, { timeMs: this.#o.runner().entryTime(source), rows, holds, bodies: [] });
    }
    this.#acks.clear();
  }

  #makeReady(channel: Channel): void {
    if (channel.isReady || channel.isWaiting || channel.isEnded) return;
    channel.isReady = true;
    this.#ready.push(channel);
    this.#o.wake();
  }
}
