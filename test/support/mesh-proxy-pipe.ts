/**
 * One direction of a proxied connection: what one socket reads, the other is given, later or not yet.
 *
 * Promises: bytes, the end and a reset arrive in their order, each no sooner than its delay; while held, nothing is even
 * read, so that the sender's own buffers fill as behind a real cut.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../runtime/base/clock.ts';

/** How one direction of a link is now. All its connections share it. */
export interface Weather {
  isHeld: boolean;
  delayMs: number;
}

interface Parcel {
  readonly dueMs: number;
  /** An end, and a reset, stand behind the bytes that came before them. */
  readonly what: Buffer | 'end' | 'reset';
}

const queuedBytesMax = 4 * 1024 * 1024;

export class ProxyPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #weather: Weather;
  readonly #clock: Clock;
  readonly #queue: Parcel[] = [];
  #queuedBytes = 0;
  /** `to` has not taken what it was given. */
  #isFull = false;
  #hasEnded = false;
  #cancelWake: () => void = () => undefined;
  /** Bytes handed on. */
  passedBytes = 0;

  constructor(from: Socket, to: Socket, weather: Weather, clock: Clock) {
    this.#from = from;
    this.#to = to;
    this.#weather = weather;
    this.#clock = clock;
    from.on('data', (chunk) => this.#push(chunk));
    from.once('end', () => {
      this.#hasEnded = true;
      this.#push('end');
    });
    from.once('close', () => {
      if (!this.#hasEnded) this.#push('reset');
    });
    to.on('drain', () => {
      this.#isFull = false;
      this.pump();
    });
    to.once('close', () => this.#cancelWake());
  }

  /** Hands on what is due. To be called when the weather has changed. */
  pump(): void {
    this.#cancelWake();
    const nowMs = this.#clock.monotonicMs();
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || this.#weather.isHeld || this.#isFull) break;
      if (next.dueMs > nowMs) {
        this.#cancelWake = this.#clock.after(next.dueMs - nowMs, () => this.pump());
        break;
      }
      this.#queue.shift();
      this.#handOn(next.what);
    }
    if (this.#weather.isHeld || this.#isFull || this.#queuedBytes > queuedBytesMax) this.#from.pause();
    else this.#from.resume();
  }

  /** A delay that was taken back holds for what waits as well. */
  hurry(): void {
    for (const [i, { what }] of this.#queue.entries()) this.#queue[i] = { dueMs: 0, what };
  }

  #push(what: Parcel['what']): void {
    if (typeof what !== 'string') this.#queuedBytes += what.length;
    this.#queue.push({ dueMs: this.#clock.monotonicMs() + this.#weather.delayMs, what });
    this.pump();
  }

  #handOn(what: Parcel['what']): void {
    if (typeof what !== 'string') {
      this.#queuedBytes -= what.length;
      this.passedBytes += what.length;
      // Nobody is there any more: its machine would say so.
      if (this.#to.destroyed) this.#from.resetAndDestroy();
      else if (!this.#to.write(what)) this.#isFull = true;
    } else if (what === 'end') {
      this.#to.end();
    } else {
      this.#to.resetAndDestroy();
    }
  }
}
