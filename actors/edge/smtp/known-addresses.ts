/**
 * Addresses that led straight to a mailbox a moment ago, and domains that were not ours, so that a busy one is not asked
 * for again with each mail.
 *
 * Promises: an address that changed is forgotten once the core has said so, and that is said before whoever changed it
 * has his answer, and so is a domain; what no word came of is believed for `keptMs` and no longer. Never holds a refusal.
 */
import type { Clock } from '../../../runtime/base/clock.ts';

/** Topic that the core publishes: the key of an address actor whose rows have changed; null: of any. */
export const addressChangedTopic = 'addressChanged';
/** The same of a local-domain actor. */
export const domainChangedTopic = 'domainChanged';

const keptMs = 1_000;
const keptMax = 10_000;

interface Known {
  readonly mailboxId: string;
  readonly untilMs: number;
}

export class KnownAddresses {
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  /** Domain -> until when it is believed to be somebody else's. */
  readonly #foreign = new Map<string, number>();
  #changes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Grows with each change of any address or domain: what was asked for before it may be older than the change. */
  get changes(): number {
    return this.#changes;
  }

  mailboxOf(address: string): string | null {
    const known = this.#known.get(address);
    if (known === undefined) return null;
    if (this.#clock.monotonicMs() < known.untilMs) return known.mailboxId;
    this.#known.delete(address);
    return null;
  }

  /** @param changes what `changes` was when the core was asked */
  keep(address: string, mailboxId: string, changes: number): void {
    if (changes !== this.#changes) return;
    // All at once is simple, and costs a question an address and second.
    if (this.#known.size >= keptMax) this.#known.clear();
    this.#known.set(address, { mailboxId, untilMs: this.#clock.monotonicMs() + keptMs });
  }

  isForeign(domain: string): boolean {
    const untilMs = this.#foreign.get(domain);
    if (untilMs === undefined) return false;
    if (this.#clock.monotonicMs() < untilMs) return true;
    this.#foreign.delete(domain);
    return false;
  }

  keepForeign(domain: string, changes: number): void {
    if (changes !== this.#changes) return;
    if (this.#foreign.size >= keptMax) this.#foreign.clear();
    this.#foreign.set(domain, this.#clock.monotonicMs() + keptMs);
  }

  /** @param domain null: any of them may have changed */
  forgetDomain(domain: string | null): void {
    this.#changes++;
    if (domain === null) this.#foreign.clear();
    else this.#foreign.delete(domain);
  }

  /** @param address null: any of them may have changed */
  forget(address: string | null): void {
    this.#changes++;
    if (address === null) this.#known.clear();
    else this.#known.delete(address);
  }
}
