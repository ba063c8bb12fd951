/**
 * Large bodies on their way to peers: in pieces on the lane `bulk`, ahead of what names them.
 *
 * Promises: one peer gets one body after another; no more is handed to the transport than it can soon get rid of, so that
 * a slow peer costs memory only up to a bound; what nobody waits for any more is not sent to its end.
 * Leaves to others: the other end (`body-assembly.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Transport } from '../mesh/transport.ts';
import { pieceBytes, pieceFrame, piecesDroppedKind, type StagedBody } from './wire-bodies.ts';

/** Handed to the transport and not taken by the peer: a gigabit's worth of some 30 ms. */
const inFlightBytesMax = 4 * 1024 * 1024;
/** Packed in one go; the loop also carries the heartbeats. */
const piecesAtOnce = 4;
/** The transport does not say when it has room again. */
const lookAgainMs = 3;
/** Waiting for one peer, or one order of any size; the peer takes no more either (`body-assembly.ts`). */
const queuedBytesMax = 128 * 1024 * 1024;

export interface BodySource extends StagedBody {
  /** Undefined: it is gone. */
  read(offset: number, length: number): Uint8Array | undefined;
}

export interface BodyOrder {
  readonly to: NodeId;
  /** Of what names the bodies. */
  readonly id: number;
  readonly bodies: readonly BodySource[];
  readonly isWanted: () => boolean;
  /** All of it is handed over (true), or cannot be: told once, unless the link is lost or it is not wanted any more. */
  readonly done: (isWhole: boolean) => void;
}

interface Queue {
  readonly orders: { readonly order: BodyOrder; readonly bytes: number; at: number; offset: number }[];
  bytes: number;
  isPumping: boolean;
}

export class BodySending {
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #queues = new Map<NodeId, Queue>();

  constructor(transport: Transport, clock: Clock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** @returns false: too much waits for that peer already */
  send(order: BodyOrder): boolean {
    const bytes = order.bodies.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    let queue = this.#queues.get(order.to);
    if (queue !== undefined && queue.bytes + bytes > queuedBytesMax) return false;
    if (queue === undefined) this.#queues.set(order.to, (queue = { orders: [], bytes: 0, isPumping: false }));
    queue.orders.push({ order, bytes, at: 0, offset: 0 });
    queue.bytes += bytes;
    if (!queue.isPumping) this.#pump(order.to, queue);
    return true;
  }

  /** What waited for that peer is forgotten: whoever asked for it hears of the lost link himself. */
  unlinked(peer: NodeId): void {
    this.#queues.delete(peer);
  }

  stop(): void {
    this.#queues.clear();
  }

  #pump(to: NodeId, queue: Queue): void {
    queue.isPumping = false;
    if (this.#queues.get(to) !== queue) return;
    for (let pieces = 0; queue.orders.length > 0; pieces++) {
      const isFull = this.#transport.bytesInFlight(to, 'bulk') > inFlightBytesMax;
      if (isFull || pieces >= piecesAtOnce) {
        queue.isPumping = true;
        const goOn = (): void => this.#pump(to, queue);
        if (isFull) this.#clock.after(lookAgainMs, goOn);
        else this.#clock.soon(goOn);
        return;
      }
      this.#sendPiece(to, queue);
      if (this.#queues.get(to) !== queue) return;
    }
    this.#queues.delete(to);
  }

  #sendPiece(to: NodeId, queue: Queue): void {
    const head = queue.orders[0]!;
    const { order } = head;
    const body = order.bodies[head.at];
    if (!order.isWanted()) {
      this.#transport.send(to, 'bulk', [piecesDroppedKind, order.id]);
      return this.#shift(queue);
    }
    if (body === undefined) {
      this.#shift(queue);
      return order.done(true);
    }
    const length = Math.min(pieceBytes, body.sizeBytes - head.offset);
    const bytes = body.read(head.offset, length);
    if (bytes === undefined || bytes.byteLength !== length) {
      this.#transport.send(to, 'bulk', [piecesDroppedKind, order.id]);
      this.#shift(queue);
      return order.done(false);
    }
    const { hash, sizeBytes } = body;
    this.#transport.send(to, 'bulk', pieceFrame(order.id, { hash, sizeBytes, offset: head.offset, bytes }));
    head.offset += length;
    if (head.offset < sizeBytes) return;
    head.at++;
    head.offset = 0;
  }

  #shift(queue: Queue): void {
    queue.bytes -= queue.orders.shift()!.bytes;
  }
}
