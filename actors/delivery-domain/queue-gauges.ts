/**
 * How deep and how old the queues of this node are, for its metrics: sums over all delivery domains, and the longest queues.
 *
 *     a commit -- changed --> unread --+-- a scrape reads some of them --> known domains --> sums
 *     after the start: a walk over all -+
 *
 * Promises: a domain is read once after a start, and then only when it changed; a scrape reads at most `readsMax` of them
 * and both make room for other work in between; a domain whose queue is empty takes no memory; `ringpost_queue_complete`
 * says whether the sums are those of all domains.
 */
import type { QueryRequest, Settle } from '../../runtime/actor/request.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import type { Readings } from '../../runtime/observe/metric-table.ts';
import { deliveryDomains, type QueueSummary } from './protocol.ts';

export interface QueueGaugesOptions {
  readonly engine: {
    watchKind(kind: string, changed: (key: string) => void): () => void;
    query(request: QueryRequest, settle: Settle): void;
  };
  /** A page of the domains that there are; fewer than `limit`: the last. */
  readonly keys: (after: string | null, limit: number) => Promise<readonly string[]>;
  readonly clock: Clock;
  /** The walk broke off; the next scrape begins it again. */
  readonly failed: (error: unknown) => void;
  /** Tests hand in smaller ones. */
  readonly limits?: QueueGaugesLimits;
}

export interface QueueGaugesLimits {
  /** Domains that one scrape reads, with three short looks at the store each; further ones are read by the next. */
  readonly readsMax: number;
  /** Domains read without a pause. */
  readonly readsAtOnce: number;
  /** Domains of a page of the walk. Each page looks at every shard once, so a small one costs more than it reads. */
  readonly pageKeys: number;
  /** Before each page: 100,000 domains are known after 20 s or more, most of which is left to the mail. */
  readonly pageWaitMs: number;
  /** Domains noted as changed, for a node that is not scraped; beyond it they are found by another walk. */
  readonly unreadMax: number;
  /** Domains of which the length is shown: each is a time series. */
  readonly longestMax: number;
}

export const queueGaugesLimits: QueueGaugesLimits = {
  readsMax: 2_000,
  readsAtOnce: 50,
  pageKeys: 500,
  pageWaitMs: 100,
  unreadMax: 100_000,
  longestMax: 20,
};

const principal = { kind: 'node', id: 'metrics' } as const;
const states = ['queued', 'attempting', 'inDoubt', 'held', 'dropped'] as const;

const summed = [...states, 'reports'] as const;

/** Of a domain that has something in its queue, be it only a report. */
type Known = Readonly<Record<(typeof summed)[number] | 'items', number>> & {
  readonly domain: string;
  readonly oldestMs: number | null;
};

export class QueueGauges {
  readonly #o: QueueGaugesOptions;
  readonly #limits: QueueGaugesLimits;
  readonly #known = new Map<string, Known>();
  readonly #sums = { queued: 0, attempting: 0, inDoubt: 0, held: 0, dropped: 0, reports: 0 };
  /** Changed since they were read, in the order in which they did so first. */
  readonly #unread = new Set<string>();
  readonly #endWatch: () => void;
  /** There may be domains that were never read, or changed without being noted. */
  #needsWalk = true;
  #walking: Promise<void> | null = null;
  #reading: Promise<void> | null = null;
  #isClosed = false;
  #endPause: () => void = () => undefined;

  constructor(options: QueueGaugesOptions) {
    this.#o = options;
    this.#limits = options.limits ?? queueGaugesLimits;
    this.#endWatch = options.engine.watchKind(deliveryDomains.kind, (key) => this.#changed(key));
    this.#startWalk();
  }

  /** Scrapes that come together share what is read. */
  async read(): Promise<Readings> {
    this.#startWalk();
    this.#reading ??= this.#readSome([...firstOf(this.#unread, this.#limits.readsMax)]).finally(() => {
      this.#reading = null;
    });
    await this.#reading;
    return this.#readings();
  }

  /** Nothing is read once it is settled. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endWatch();
    this.#endPause();
    await Promise.all([this.#walking, this.#reading]);
  }

  #changed(key: string): void {
    if (this.#unread.size < this.#limits.unreadMax) this.#unread.add(key);
    else if (!this.#unread.has(key)) this.#needsWalk = true;
  }

  #startWalk(): void {
    if (this.#walking !== null || !this.#needsWalk || this.#isClosed) return;
    this.#needsWalk = false;
    this.#walking = this.#walk()
      .catch((error: unknown) => {
        this.#needsWalk = true;
        this.#o.failed(error);
      })
      .finally(() => {
        this.#walking = null;
      });
  }

  async #walk(): Promise<void> {
    const { pageKeys, pageWaitMs } = this.#limits;
    for (let after: string | null = null; ; ) {
      await this.#pause(pageWaitMs);
      if (this.#isClosed) return;
      const keys: readonly string[] = await this.#o.keys(after, pageKeys);
      await this.#readSome(keys);
      if (keys.length < pageKeys) return;
      after = keys.at(-1)!;
    }
  }

  async #readSome(keys: readonly string[]): Promise<void> {
    for (const [index, key] of keys.entries()) {
      if (index > 0 && index % this.#limits.readsAtOnce === 0)
        await new Promise<void>((resolve) => this.#o.clock.soon(resolve));
      if (this.#isClosed) return;
      this.#readOne(key);
    }
  }

  #readOne(key: string): void {
    this.#unread.delete(key);
    this.#o.engine.query({ ...deliveryDomains.ref(key), query: { kind: 'summary' }, principal }, (outcome) => {
      if (outcome.ok) this.#keep(key, outcome.answer as QueueSummary);
      // What was known of it stays until it can be read again.
      else this.#changed(key);
    });
  }

  #keep(domain: string, { items, byState, dropped, reports, oldestMs }: QueueSummary): void {
    const before = this.#known.get(domain);
    if (before !== undefined) this.#add(before, -1);
    if (items === 0 && reports === 0) {
      this.#known.delete(domain);
      return;
    }
    const { queued, attempting, inDoubt, held } = byState;
    const known = { domain, queued, attempting, inDoubt, held, dropped, reports, items, oldestMs };
    this.#known.set(domain, known);
    this.#add(known, 1);
  }

  #add(known: Known, by: 1 | -1): void {
    for (const name of summed) this.#sums[name] += by * known[name];
  }

  #readings(): Readings {
    const nowMs = this.#o.clock.nowMs();
    let oldestMs = nowMs;
    const longest = new Longest(this.#limits.longestMax);
    // The only pass over all of them, without a pause: 2 ms for 100,000.
    for (const known of this.#known.values()) {
      if (known.oldestMs !== null && known.oldestMs < oldestMs) oldestMs = known.oldestMs;
      if (known.items > longest.beyond) longest.add(known.domain, known.items);
    }
    const { reports } = this.#sums;
    const isComplete = this.#unread.size === 0 && this.#walking === null && !this.#needsWalk;
    return {
      ringpost_queue_mails: states.map((state) => [state, this.#sums[state]] as const),
      ringpost_queue_oldest_seconds: (nowMs - oldestMs) / 1_000,
      ringpost_queue_domains: this.#known.size,
      ringpost_queue_reports: reports,
      ringpost_queue_domain_mails: longest.list,
      ringpost_queue_complete: isComplete ? 1 : 0,
    };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#o.clock.after(ms, resolve);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }
}

/** The longest few of many, without sorting all. */
class Longest {
  /** The longest first. */
  readonly list: [domain: string, length: number][] = [];
  /** Only what is longer than this has a place. */
  beyond = 0;
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  add(domain: string, length: number): void {
    const { list } = this;
    const at = list.findIndex(([, other]) => other < length);
    list.splice(at < 0 ? list.length : at, 0, [domain, length]);
    if (list.length > this.#max) list.pop();
    if (list.length === this.#max) this.beyond = list.at(-1)![1];
  }
}

function* firstOf(keys: ReadonlySet<string>, max: number): Generator<string> {
  let count = 0;
  for (const key of keys) {
    if (count++ === max) return;
    yield key;
  }
}
