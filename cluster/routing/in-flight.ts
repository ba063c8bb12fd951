/**
 * What was asked of peers and is not answered yet.
 *
 * Promises: each ends exactly once: by the answer of the peer that was asked, by the loss of the link to it, by its
 * deadline, or by nobody when it was forgotten before. Bounded in all and for each peer. One timer serves all deadlines.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';

export type Ending<T> = { readonly kind: 'answered'; readonly value: T } | { readonly kind: 'lost' | 'late' };

interface Waiting<T> {
  readonly to: NodeId;
  readonly deadlineMs: number;
  readonly end: (ending: Ending<T>) => void;
}

export interface InFlightOptions {
  readonly clock: Clock;
  readonly max: number;
  readonly perPeerMax: number;
}

/** The sweep wakes at most so often, however close together the deadlines lie. */
const sweepMsMin = 20;
const lost = { kind: 'lost' } as const;
const late = { kind: 'late' } as const;

export class InFlight<T> {
  readonly #o: InFlightOptions;
  readonly #waiting = new Map<number, Waiting<T>>();
  readonly #perPeer = new Map<NodeId, number>();
  #lastId = 0;
  #sweepAtMs = Number.POSITIVE_INFINITY;
  #cancelSweep: (() => void) | undefined;

  constructor(options: InFlightOptions) {
    this.#o = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** @returns its id (1, 2, 3 …); null: too many wait already */
  add(to: NodeId, timeoutMs: number, end: (ending: Ending<T>) => void): number | null {
    const { clock, max, perPeerMax } = this.#o;
    const ofPeer = this.#perPeer.get(to) ?? 0;
    if (this.#waiting.size >= max || ofPeer >= perPeerMax) return null;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const id = ++this.#lastId;
    this.#waiting.set(id, { to, deadlineMs, end });
    this.#perPeer.set(to, ofPeer + 1);
    if (deadlineMs < this.#sweepAtMs) this.#sweepAt(deadlineMs);
    return id;
  }

  isWaiting(id: number): boolean {
    return this.#waiting.has(id);
  }

  /** @returns false when nothing with that id waits for an answer of that peer: it comes too late, or is made up */
  answered(from: NodeId, id: number, value: T): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.to !== from) return false;
    this.forget(id);
    waiting.end({ kind: 'answered', value });
    return true;
  }

  /** Nobody is told. */
  forget(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    const ofPeer = (this.#perPeer.get(waiting.to) ?? 1) - 1;
    if (ofPeer === 0) this.#perPeer.delete(waiting.to);
    else this.#perPeer.set(waiting.to, ofPeer);
  }

  unlinked(peer: NodeId): void {
    if (!this.#perPeer.has(peer)) return;
    this.#endAll(
      [...this.#waiting].filter(([, { to }]) => to === peer),
      lost,
    );
  }

  /** All that wait are told that they are lost. */
  stop(): void {
    this.#stopSweep();
    this.#endAll([...this.#waiting], lost);
  }

  /** All are forgotten before the first is told, since who is told may ask again at once. */
  #endAll(of: readonly [number, Waiting<T>][], ending: Ending<T>): void {
    for (const [id] of of) this.forget(id);
    for (const [, { end }] of of) end(ending);
  }

  #sweepAt(atMs: number): void {
    this.#stopSweep();
    this.#sweepAtMs = atMs;
    const delayMs = Math.max(sweepMsMin, atMs - this.#o.clock.monotonicMs());
    this.#cancelSweep = this.#o.clock.after(delayMs, () => this.#sweep());
  }

  #stopSweep(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    this.#sweepAtMs = Number.POSITIVE_INFINITY;
  }

  #sweep(): void {
    this.#stopSweep();
    const nowMs = this.#o.clock.monotonicMs();
    const over: [number, Waiting<T>][] = [];
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [id, waiting] of this.#waiting) {
      if (waiting.deadlineMs <= nowMs) over.push([id, waiting]);
      else earliestMs = Math.min(earliestMs, waiting.deadlineMs);
    }
    if (earliestMs < Number.POSITIVE_INFINITY) this.#sweepAt(earliestMs);
    this.#endAll(over, late);
  }
}
