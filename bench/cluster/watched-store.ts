/** A store that remembers what Raft wrote into it: how many votes and no-ops each transaction held. */
import { kindOf, readHead } from '../../cluster/groups/batch.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { below, keyspace, type RowKey, rowKey } from '../../runtime/store/keys.ts';
import type { RangeOptions, Store, StoredRow, StoreOp, StoreStats } from '../../runtime/store/store.ts';

/** One transaction. */
export interface Commit {
  readonly votes: number;
  readonly noops: number;
  readonly rows: number;
  /** Wall clock when it was durable. */
  readonly atMs: number;
  readonly tookMs: number;
}

const log = below(rowKey([keyspace.log]));

export class WatchedStore implements Store {
  readonly #of: Store;
  readonly #clock: Clock;
  /** When the writes began that are not durable yet, oldest first: they settle in that order. */
  readonly #begunMs: number[] = [];
  #commits: Commit[] = [];

  constructor(of: Store, clock: Clock) {
    this.#of = of;
    this.#clock = clock;
  }

  /** Those since it was asked last. */
  takeCommits(): readonly Commit[] {
    const commits = this.#commits;
    this.#commits = [];
    return commits;
  }

  /** Age of the oldest write that is not durable yet; 0: there is none. */
  get oldestWriteMs(): number {
    const [begunMs] = this.#begunMs;
    return begunMs === undefined ? 0 : this.#clock.monotonicMs() - begunMs;
  }

  async write(ops: readonly StoreOp[]): Promise<void> {
    const begunMs = this.#clock.monotonicMs();
    this.#begunMs.push(begunMs);
    await this.#of.write(ops);
    this.#begunMs.shift();
    const tookMs = this.#clock.monotonicMs() - begunMs;
    this.#commits.push({ ...held(ops), rows: ops.length, atMs: this.#clock.nowMs(), tookMs });
  }

  get(key: RowKey): Uint8Array | undefined {
    return this.#of.get(key);
  }

  has(key: RowKey): boolean {
    return this.#of.has(key);
  }

  range(options: RangeOptions): StoredRow[] {
    return this.#of.range(options);
  }

  stats(): StoreStats {
    return this.#of.stats();
  }

  close(): Promise<void> {
    return this.#of.close();
  }
}

/** By the first row of a group commit. */
function held(ops: readonly StoreOp[]): Pick<Commit, 'votes' | 'noops'> {
  const row = ops.find(({ key, value }) => value !== null && key >= log.start && key < log.end);
  const read = row?.value == null ? undefined : readHead(row.value);
  if (read?.kind !== 'heads') return { votes: 0, noops: 0 };
  const { marks, entries } = read.head;
  return {
    votes: marks.filter(([, { votedFor }]) => votedFor !== null).length,
    noops: entries.filter(([, , , , kind, , , , , , isCarried]) => kindOf(kind) === 'noop' && !isCarried).length,
  };
}
