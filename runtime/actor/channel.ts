/**
 * One pair of shards, as the source's leader remembers it.
 *
 *     acked | handed over, not answered | held in memory | in the store only | last
 *             <-------- flown -------->
 *             <----------------- queue ---------------->
 */
import type { ShardId } from '../base/ids.ts';
import type { Sent } from './outbox.ts';

/** Notices of one channel held in memory, and rows read at once when it fell behind. */
export const queuedMax = 256;

export class Channel {
  readonly source: ShardId;
  readonly target: ShardId;
  /** Notices without an acknowledgement, in order; what does not fit is read from the store when its turn comes. */
  readonly queue: Sent[] = [];
  /** So many of them, from the front, are handed over. */
  flown = 0;
  /** All up to this one had their effect. */
  acked: number;
  /** Highest committed sequence. */
  last: number;
  /** Failures in a row. */
  attempts = 0;
  /** How often it began again at the first without an acknowledgement: a failure of an earlier round means nothing. */
  round = 0;
  isReady = false;
  isWaiting = false;
  /** All are acknowledged, or the source is lost: whatever is still told of it comes too late. */
  isEnded = false;
  cancelAlarm: (() => void) | undefined;

  constructor(source: ShardId, target: ShardId, acked: number, last: number) {
    this.source = source;
    this.target = target;
    this.acked = acked;
    this.last = last;
  }

  /** Whether notices are in the store that are not in the queue. */
  get isBehind(): boolean {
    return this.last !== this.lastQueued;
  }

  get lastQueued(): number {
    return this.queue.at(-1)?.seq ?? this.acked;
  }

  /** Whether it is worth while to read more: not for each acknowledgement one. */
  get hasRoom(): boolean {
    return this.queue.length <= queuedMax / 2;
  }

  committed(sent: Sent): void {
    const { isBehind } = this;
    this.last = sent.seq;
    if (!isBehind && this.queue.length < queuedMax) this.queue.push(sent);
  }

  /** From the first without an acknowledgement, whatever is on its way. */
  beginAgain(): void {
    this.round++;
    this.flown = 0;
    this.stopWaiting();
  }

  stopWaiting(): void {
    this.isWaiting = false;
    this.cancelAlarm?.();
    this.cancelAlarm = undefined;
  }

  end(): void {
    this.isEnded = true;
    this.stopWaiting();
  }
}
