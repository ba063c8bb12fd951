/**
 * Which domain gets the next connection. Pure: no clock, no calls.
 *
 * Promises: a domain that has none is before one that has, and whoever waits longest is next; a domain whose servers have not answered yet has one connection and no more, so
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
  /** Without a connection, in the order in which they came. */
  readonly #first = new Set<string>();
  /** With one or more. */
  readonly #more = new Set<string>();
  readonly #served = new Map<string, Served>();

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  get waitingCount(): number {
    return this.#first.size + this.#more.size;
  }

  /** Domains wait that have no connection at all. */
  get hasFirst(): boolean {
    return this.#first.size > 0;
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
    if (this.waitingCount >= this.#waitingMax) return false;
    (served === undefined ? this.#first : this.#more).add(domain);
    return true;
  }

  /** Takes the next one, which is then being served; null: nobody waits. */
  next(): string | null {
    const domain = firstOf(this.#first) ?? firstOf(this.#more);
    if (domain === undefined) return null;
    this.#first.delete(domain);
    this.#more.delete(domain);
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
    if (served.connections === 0) {
      this.#served.delete(domain);
      if (this.#more.delete(domain)) this.#first.add(domain);
    }
    return hadMore;
  }

  hasSeveral(domain: string): boolean {
    return (this.#served.get(domain)?.connections ?? 0) > 1;
  }

  clear(): void {
    this.#first.clear();
    this.#more.clear();
  }
}

function firstOf(domains: ReadonlySet<string>): string | undefined {
  const [first] = domains;
  return first;
}
