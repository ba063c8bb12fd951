/**
 * Msgs on their way out: those of one turn to one peer go in one frame a lane, and what promises something durable waits.
 *
 * Promises: msgs of one group to one peer leave in the order in which they came, unless their lanes differ.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { Lane, Transport } from '../mesh/transport.ts';
import type { HostedGroup } from './hosted-group.ts';
import { frameVersion, type WireMessage } from './wire.ts';

interface Queue {
  readonly to: NodeId;
  readonly lane: Lane;
  messages: WireMessage[];
  bytes: number;
}

interface Waiting {
  readonly group: HostedGroup | null;
  readonly to: NodeId;
  readonly lane: Lane;
  readonly message: WireMessage;
  readonly bytes: number;
  readonly order: number;
}

export interface FrameBounds {
  readonly frameBytesMax: number;
  readonly frameMessagesMax: number;
}

/** Of a msg beside the payloads in it. */
const messageBytes = 64;

export class Outgoing {
  readonly #transport: Transport;
  readonly #bounds: FrameBounds;
  readonly #queues = new Map<string, Queue>();
  #waiting: Waiting[] = [];

  constructor(transport: Transport, bounds: FrameBounds) {
    this.#transport = transport;
    this.#bounds = bounds;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** @param bytes of the payloads in it */
  send(to: NodeId, lane: Lane, message: WireMessage, bytes: number): void {
    const key = `${lane} ${to}`;
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { to, lane, messages: [], bytes: 0 };
      this.#queues.set(key, queue);
    }
    const grown = queue.bytes + messageBytes + bytes;
    const isFull = queue.messages.length >= this.#bounds.frameMessagesMax || grown > this.#bounds.frameBytesMax;
    if (isFull && queue.messages.length > 0) this.#flushQueue(queue);
    queue.messages.push(message);
    queue.bytes += messageBytes + bytes;
  }

  /** Leaves when all that was gathered up to `order` is durable. */
  sendAfter(
    order: number,
    group: HostedGroup | null,
    to: NodeId,
    lane: Lane,
    message: WireMessage,
    bytes: number,
  ): void {
    if (group !== null) group.waitingMessages++;
    this.#waiting.push({ group, to, lane, message, bytes, order });
  }

  /** All that was gathered up to `order` is durable. */
  durable(order: number): void {
    let count = 0;
    for (const { group, to, lane, message, bytes, order: at } of this.#waiting) {
      if (at > order) break;
      count++;
      if (group !== null) {
        group.waitingMessages--;
        invariant(group.waitingMessages >= 0, 'a msg leaves once');
      }
      this.send(to, lane, message, bytes);
    }
    this.#waiting = count === this.#waiting.length ? [] : this.#waiting.slice(count);
  }

  /** The turn is over. */
  flush(): void {
    for (const queue of this.#queues.values()) this.#flushQueue(queue);
  }

  #flushQueue(queue: Queue): void {
    const { to, lane, messages } = queue;
    if (messages.length === 0) return;
    queue.messages = [];
    queue.bytes = 0;
    this.#transport.send(to, lane, [frameVersion, messages]);
  }
}
