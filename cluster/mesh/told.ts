/**
 * Who listens to a transport is told here, in order and never from within its own call.
 *
 * Promises: events come in the order in which they happened; links and breaks in loop turns of their own; frames at once,
 * since they come from a socket, unless something waits to be told before them; nothing after `stop`.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Frame, Lane, TransportEvents } from './transport.ts';

export class Told {
  readonly #clock: Clock;
  #events: TransportEvents | null = null;
  #waiting: ((events: TransportEvents) => void)[] = [];
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting = [];
  }

  tell(event: (events: TransportEvents) => void): void {
    if (this.#isStopped) return;
    this.#waiting.push(event);
    if (this.#waiting.length === 1) this.#clock.soon(() => this.#drain());
  }

  received(from: NodeId, lane: Lane, frame: Frame): void {
    if (this.#isStopped) return;
    if (this.#waiting.length > 0) this.tell((events) => events.received(from, lane, frame));
    else this.#events?.received(from, lane, frame);
  }

  #drain(): void {
    // One at a time: whoever is told may stop this, and what happens meanwhile comes behind.
    for (let at = 0; at < this.#waiting.length; at++) {
      const events = this.#events;
      if (events !== null) this.#waiting[at]!(events);
    }
    this.#waiting = [];
  }
}
