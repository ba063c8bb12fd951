/**
 * Which domain gets the next connection. Pure: no clock, no calls.
 *
 * Promises: whoever waits longest is next; a domain whose servers have not answered yet has one connection and no more, so
 * that one that hangs costs one; only what waits or is served is kept.
 */
export interface Served {
  /** Dialogues, and those that are being asked for. */
  connections: number;
  /** One is on its way to its first session. */
  isOpening: boolean;
  /** There may be more to do than its connections do. */
  hasMore: boolean;
}

export class WaitingLine {
  readonly #waitingMax: number;
  /** In the order in which they came. */
  readonly #waiting = new Set<string>();
  readonly #served = new Map<string, Served>();

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get servedCount(): number {
    return this.#served.size;
  }

  /** There is something to do for it. False: there is no room to note it. */
  add(domain: string): boolean {
    const served = this.#served.get(domain);
    if (served?.isOpening === true) {
      served.hasMore = true;
      return true;
    }
    if (this.#waiting.size >= this.#waitingMax) return false;
    this.#waiting.add(domain);
    return true;
  }

  /** Takes the next one, which is then being served; null: nobody waits. */
  next(): string | null {
    const [domain] = this.#waiting;
    if (domain === undefined) return null;
    this.#waiting.delete(domain);
    const served = this.#served.get(domain) ?? { connections: 0, isOpening: false, hasMore: false };
    served.connections++;
    served.isOpening = true;
    this.#served.set(domain, served);
    return domain;
  }

  /** A server of it answered, or nothing was there to open: more connections may follow. */
  opened(domain: string): void {
    const served = this.#served.get(domain);
    if (served === undefined) return;
    served.isOpening = false;
    if (!served.hasMore) return;
    served.hasMore = false;
    this.add(domain);
  }

  /** Of the domain that is being opened: its queue had mail, so it may have more. */
  more(domain: string): void {
    const served = this.#served.get(domain);
    if (served !== undefined) served.hasMore = true;
  }

  /**
   * A connection of it is free again. @param wasOpening it never came to a session
   * @returns whether there may be more to do that nobody was told of
   */
  ended(domain: string, wasOpening: boolean): boolean {
    const served = this.#served.get(domain);
    if (served === undefined) return false;
    const hadMore = wasOpening && served.hasMore;
    served.connections--;
    if (wasOpening) {
      served.isOpening = false;
      served.hasMore = false;
    }
    if (served.connections === 0) this.#served.delete(domain);
    return hadMore;
  }

  hasOthers(domain: string): boolean {
    return (this.#served.get(domain)?.connections ?? 0) > 1;
  }

  /** Whether a domain should give a connection back: others wait, and it has more than they. */
  hasTooMany(domain: string): boolean {
    return this.#waiting.size > 0 && !this.#waiting.has(domain) && (this.#served.get(domain)?.connections ?? 0) > 1;
  }

  clear(): void {
    this.#waiting.clear();
  }
}
