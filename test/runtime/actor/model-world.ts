/**
 * One node that lives, dies and lives again on the same memory disk, beside the truth: the rows that were committed.
 *
 * The truth is learnt from what the engine appends and from which entries a life of the log counts as committed; the
 * code under test never writes it. Leaves to others: what is asked (`engine-model.test.ts`).
 */
import assert from 'node:assert/strict';
import { Engine } from '../../../runtime/actor/engine.ts';
import type { Commit, NodeLog, RoleEvents, ShardLog, WriteSet } from '../../../runtime/actor/log.ts';
import type { Copies } from '../../../runtime/actor/request.ts';
import { type LogIndex, nodeId, type ShardId, type Term } from '../../../runtime/base/ids.ts';
import { limits } from '../../../runtime/base/limits.ts';
import { decodeRow } from '../../../runtime/codec/row.ts';
import { BodyTracker } from '../../../runtime/store/bodies.ts';
import { readBody } from '../../../runtime/store/body-rows.ts';
import { after, below, keyParts, keyspace, type RowKey, rowKey, statePrefix } from '../../../runtime/store/keys.ts';
import { LayeredStore, type ReadableStore } from '../../../runtime/store/layered-store.ts';
import { type MemoryDisk, MemoryStore } from '../../../runtime/store/memory-store.ts';
import { shardOf } from '../../../runtime/actor/shard.ts';
import { openedLog } from '../../support/engine-world.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { contents, type Fate, hashes, modelKind } from './model-actor.ts';

export const shardCount = 4;
/** More than anything may need. */
const roundsMax = 20_000;

/** Spaces whose rows come from write-sets alone. */
const spaces = [
  keyspace.state,
  keyspace.timer,
  keyspace.timerName,
  keyspace.outbox,
  keyspace.outboxHead,
  keyspace.inbox,
  keyspace.dedup,
  keyspace.event,
  keyspace.deadLetter,
];

interface Entry {
  readonly index: number;
  readonly timeMs: number;
  readonly rows: WriteSet['rows'];
}

interface TrueShard {
  committed: number;
  timeMs: number;
  /** Appended and not known to be committed. */
  readonly open: Entry[];
}

/** What must be readable, whatever happens. */
export class Truth {
  readonly rows = new Map<RowKey, Uint8Array>();
  readonly #shards: TrueShard[] = Array.from({ length: shardCount }, () => ({ committed: 0, timeMs: 0, open: [] }));

  appended(shard: ShardId, index: number, { timeMs, rows }: WriteSet): void {
    const { open, timeMs: committedMs } = this.#shards[shard]!;
    assert.ok(timeMs > (open.at(-1)?.timeMs ?? committedMs), 'entry time grows');
    open.push({ index, timeMs, rows });
    for (const { key, value } of rows) if (value === null) this.#requireAcknowledged(key);
  }

  committed(shard: ShardId, index: number): void {
    const state = this.#shards[shard]!;
    assert.ok(index >= state.committed, 'what is committed stays so');
    while (state.open.length > 0 && state.open[0]!.index <= index) {
      const { timeMs, rows } = state.open.shift()!;
      state.timeMs = timeMs;
      for (const { key, value } of rows) {
        if (value === null) this.rows.delete(key);
        else this.rows.set(key, value);
      }
    }
    state.committed = index;
  }

  /** A new life counts what became durable; the rest never was. Its first entry may stand at the place of a lost one. */
  restarted(log: ShardLog): void {
    for (const [shard, state] of this.#shards.entries()) {
      const noop = log.committedIndex(shard as ShardId);
      this.committed(shard as ShardId, noop - 1);
      state.open.length = 0;
      state.committed = noop;
    }
  }

  /** A notice may leave the outbox only when its effect is committed at its target. */
  #requireAcknowledged(key: RowKey): void {
    const [space, source, target, seq] = keyParts(key) as [string, number, number, number];
    if (space !== keyspace.outbox) return;
    const last = this.rows.get(rowKey([keyspace.inbox, target, source]));
    assert.ok(last !== undefined && (decodeRow(last).value as number) >= seq, 'acknowledged what is committed');
  }

  requireEqual(store: ReadableStore, pageRows: number, reverse: boolean): void {
    this.requireRows(store, pageRows, reverse);
    this.#requireBodies(store);
  }

  requireRows(store: ReadableStore, pageRows: number, reverse: boolean): void {
    const keys = [...this.rows.keys()].sort();
    for (const space of spaces) {
      const range = below(rowKey([space]));
      const expected = keys.filter((key) => key >= range.start && key < range.end);
      if (reverse) expected.reverse();
      const found = [...pages(store, range, pageRows, reverse)];
      assert.deepEqual(
        found.map(({ key }) => key),
        expected,
        `rows of ${space}`,
      );
      for (const { key, value } of found) {
        const truth = this.rows.get(key)!;
        assert.ok(Buffer.from(value).equals(truth), `value of ${keyParts(key).join(' ')}`);
        assert.ok(Buffer.from(store.get(key)!).equals(truth), `value got of ${keyParts(key).join(' ')}`);
      }
    }
  }

  #requireBodies(store: ReadableStore): void {
    for (const [key, value] of this.rows) {
      const parts = key.startsWith('s\0') ? keyParts(key) : [];
      if (parts[4] !== 'held') continue;
      const body = decodeRow(value).value as number;
      assert.ok(Buffer.from(readBody(store, hashes[body]!)!).equals(contents[body]!), `body ${body} is what it was`);
    }
  }

  /** Rows of one actor as its query sees them. */
  rowsOf(actor: string): { key: readonly unknown[]; value: unknown }[] {
    const { start, end } = below(statePrefix(shardOf('model', actor, shardCount), 'model', actor));
    return [...this.rows.keys()]
      .filter((key) => key >= start && key < end)
      .sort()
      .map((key) => ({ key: keyParts(key).slice(4), value: decodeRow(this.rows.get(key)!).value }));
  }

  value(actor: string, own: readonly (string | number)[]): unknown {
    const row = this.rows.get(rowKey([keyspace.state, shardOf('model', actor, shardCount), 'model', actor, ...own]));
    return row === undefined ? undefined : decodeRow(row).value;
  }

  rowsIn(space: string): number {
    return [...this.rows.keys()].filter((key) => key.startsWith(`${space}\0`)).length;
  }
}

function* pages(
  store: ReadableStore,
  range: { readonly start: RowKey; readonly end: RowKey },
  limit: number,
  reverse: boolean,
) {
  let { start, end } = range;
  for (;;) {
    const rows = store.range({ start, end, limit, reverse });
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) return;
    if (reverse) end = last.key;
    else start = after(last.key);
  }
}

/** Tells the truth what passes through. */
class WatchedLog implements ShardLog {
  readonly #log: NodeLog;
  readonly #truth: Truth;

  constructor(log: NodeLog, truth: Truth) {
    this.#log = log;
    this.#truth = truth;
  }

  term = (shard: ShardId): Term => this.#log.term(shard);
  serves = (shard: ShardId): boolean => this.#log.serves(shard);
  onRole = (events: RoleEvents): void => this.#log.onRole(events);
  confirm = (shard: ShardId, done: (isLeader: boolean) => void): void => this.#log.confirm(shard, done);
  copies = (shard: ShardId, index: LogIndex): Copies => this.#log.copies(shard, index);
  lastIndex = (shard: ShardId): LogIndex => this.#log.lastIndex(shard);
  committedIndex = (shard: ShardId): LogIndex => this.#log.committedIndex(shard);
  lastTimeMs = (shard: ShardId): number => this.#log.lastTimeMs(shard);
  flush = (): void => this.#log.flush();

  get pendingBytes(): number {
    return this.#log.pendingBytes;
  }

  append(shard: ShardId, writeSet: WriteSet): LogIndex {
    const index = this.#log.append(shard, writeSet);
    this.#truth.appended(shard, index, writeSet);
    return index;
  }

  onCommitted(listener: (commits: readonly Commit[]) => void): void {
    this.#log.onCommitted((commits) => {
      for (const { shard, index } of commits) this.#truth.committed(shard, index);
      listener(commits);
    });
  }
}

export interface LifeOptions {
  readonly disk: MemoryDisk;
  readonly truth: Truth;
  readonly fate: Fate;
  readonly nowMs: number;
  readonly pendingBytesMax: number;
  readonly groupCommitBytesMax: number;
}

/** One life of the node. */
export class Life {
  readonly clock: FakeClock;
  readonly tree: MemoryStore;
  readonly store: LayeredStore;
  readonly fatals: unknown[] = [];
  log!: NodeLog;
  engine!: Engine;
  readonly #releases: (() => void)[] = [];

  private constructor({ nowMs, disk }: LifeOptions) {
    this.clock = new FakeClock(nowMs);
    this.tree = new MemoryStore({ disk, settle: (apply) => this.#releases.push(apply) });
    this.store = new LayeredStore(this.tree);
  }

  /** All shards are served; the engine has had no turn. */
  static async begin(options: LifeOptions): Promise<Life> {
    const life = new Life(options);
    await life.#begin(options);
    return life;
  }

  async #begin({ truth, fate, pendingBytesMax, groupCommitBytesMax }: LifeOptions): Promise<void> {
    const { clock, tree, store } = this;
    const bodies = new BodyTracker(store);
    const fatal = (error: unknown): void => void this.fatals.push(error);
    const ignore = (): void => undefined;
    let seed = 0;
    const random = {
      bytes: (count: number) => Uint8Array.from({ length: count }, () => (seed = (seed * 31 + 7) % 251)),
    };
    const bounds = { ...limits, activationsMax: 3, noticeAttemptsMax: 3, backlogCommandsMax: 30, pendingBytesMax };
    const parts = { self: nodeId('n1'), tree, store, bodies, shardCount, clock, random, fatal };
    this.log = await openedLog(
      { ...parts, limits: { ...bounds, groupCommitBytesMax }, writing: ignore, observe: ignore },
      async () => {
        await this.turns(1);
        await this.release();
      },
    );
    truth.restarted(this.log);
    this.engine = new Engine({
      kinds: new Map([['model', modelKind(fate)]]),
      shardCount,
      store,
      log: new WatchedLog(this.log, truth),
      hasBody: (hash) => bodies.isExpected(hash),
      isStorageFull: () => false,
      clock,
      random,
      limits: bounds,
      reports: { bug: ignore, turn: ignore, slow: ignore, noticeFailed: ignore },
      fatal,
    });
    this.engine.start();
  }

  get unwritten(): number {
    return this.#releases.length;
  }

  /** Turns of the loop. */
  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (let job = 0; job < 4; job++) await Promise.resolve();
      this.clock.runSoon();
    }
  }

  /** The oldest transaction becomes durable. */
  async release(): Promise<void> {
    this.#releases.shift()?.();
    for (let job = 0; job < 4; job++) await Promise.resolve();
  }

  /** All that can be done without time going on. */
  async settle(): Promise<void> {
    for (let round = 0; round < roundsMax; round++) {
      await this.turns(6);
      await this.release();
      assert.deepEqual(this.fatals, []);
      if (this.unwritten === 0 && this.engine.isDrained) return this.turns(6);
    }
    assert.fail('it comes to rest');
  }

  /** As `core.ts` does it. */
  async close(): Promise<void> {
    this.engine.stop();
    await this.settle();
    const state = { isDone: false };
    const drained = this.log.drained().then(() => {
      state.isDone = true;
    });
    for (let round = 0; round < roundsMax && !state.isDone; round++) await this.release();
    assert.ok(state.isDone, 'the log is drained');
    await drained;
    this.log.stop();
    assert.equal(this.store.activeRows, 0, 'all is in the tree');
    await this.tree.close();
    this.clock.advance(600_000);
    await this.turns(4);
  }
}
