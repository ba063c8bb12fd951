/**
 * How long it takes until a recipient whose leader was hit is served again: from the fault to the first 250.
 *
 * A probe is a client that has said EHLO to a node that is not hit; at the fault it sends a mail for one recipient, and
 * again, through one node after the other, until it is taken. Its mails are in the ledger like all others.
 */
import { pause } from '../../../bench/measure/wait.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { formatAnswer } from '../../support/smtp-answers.ts';
import type { DrillMail } from '../mails.ts';
import { type Books, type Door, Sender } from './sending.ts';

/** Then it is given up, and counts with this time. */
const probeMsMax = 30_000;
/** A node that holds a client up for longer is left for another one. */
const silenceMsMax = 10_000;
const againMs = 20;

export interface ProbeOptions {
  /** Nodes that are asked, in this order, over and over. */
  readonly through: readonly Door[];
  readonly mail: DrillMail;
  readonly books: Books;
}

export interface ProbeResult {
  readonly ms: number;
  readonly isServed: boolean;
  /** Answers other than 250 on the way, oldest first. */
  readonly told: readonly string[];
}

export class Probe {
  readonly #o: ProbeOptions;
  readonly #told: string[] = [];
  #next = 0;
  #sender: Sender | null = null;

  constructor(options: ProbeOptions) {
    this.#o = options;
  }

  /** Connects and says EHLO, so that the time that this takes is not counted. */
  async prepare(): Promise<void> {
    const door = this.#o.through[this.#next++ % this.#o.through.length];
    if (door === undefined) throw new Error('a probe needs a node');
    const greeted = await Sender.greet(door, { silenceMsMax, onAccepted: () => undefined });
    if (greeted instanceof Sender) this.#sender = greeted;
    else this.#told.push(`${door.node}: greeting ${formatAnswer(greeted)}`);
  }

  /** To be called in the turn of the fault. */
  async run(): Promise<ProbeResult> {
    const startMs = systemClock.monotonicMs();
    for (;;) {
      const isServed = await this.#try();
      const ms = systemClock.monotonicMs() - startMs;
      if (isServed || ms > probeMsMax) return { ms, isServed, told: this.#told };
      await pause(againMs);
    }
  }

  /** @returns whether the mail was taken */
  async #try(): Promise<boolean> {
    if (this.#sender === null) await this.prepare();
    const sender = this.#sender;
    if (sender === null) return false;
    const { outcome, told } = await sender.send(this.#o.mail, this.#o.books);
    if (outcome !== 'accepted') this.#told.push(`${sender.node}: ${told}`);
    // When it was not taken, another node may do better.
    sender.client.hangUp();
    this.#sender = null;
    return outcome === 'accepted';
  }
}

export interface Percentiles {
  readonly count: number;
  /** Seconds, with three decimals. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Of milliseconds; the smallest value that so many percent do not exceed. */
export function percentiles(ms: readonly number[]): Percentiles {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (share: number): number => {
    const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
    return Math.round(value) / 1000;
  };
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
