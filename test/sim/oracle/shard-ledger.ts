/**
 * What the logs of all nodes must agree on (plan §15): equal (shard, index, term) is an equal entry, what is committed stays,
 * entry time grows, and one node at most serves a shard in a term.
 */
import { crc32 } from 'node:zlib';
import type { WriteSet } from '../../../runtime/actor/log.ts';
import type { LogIndex, NodeId, ShardId, Term } from '../../../runtime/base/ids.ts';

interface Entry {
  readonly term: Term;
  readonly sum: number;
  readonly timeMs: number;
}

interface TrueShard {
  /** What is known of each index, by term. */
  readonly entries: Map<string, Entry>;
  /** Somebody was told that it is committed. */
  committed: number;
  /** Term of the leader who committed it. */
  committedIn: number;
  committedMs: number;
  /** Term -> who served in it, and in which of its lives: memory of a term's leader is not on disk, so it cannot be one again. */
  readonly leaders: Map<Term, string>;
}

export class ShardLedger {
  commits = 0;
  readonly #fail: (text: string) => void;
  readonly #shards = new Map<ShardId, TrueShard>();

  constructor(fail: (text: string) => void) {
    this.#fail = fail;
  }

  appended(node: NodeId, shard: ShardId, term: Term, index: LogIndex, writeSet: WriteSet): void {
    const state = this.#of(shard);
    const entry = { term, sum: sumOf(writeSet), timeMs: writeSet.timeMs };
    // A leader that was deposed and does not know it yet may append what will be truncated.
    if (index <= state.committed && term >= state.committedIn) {
      this.#fail(`shard ${shard}: ${node} appends ${index}, and ${state.committed} is committed already`);
    }
    state.entries.set(`${index}.${term}`, entry);
  }

  committed(node: NodeId, shard: ShardId, index: LogIndex, term: Term): void {
    const state = this.#of(shard);
    this.commits++;
    for (let each = state.committed + 1; each <= index; each++) {
      const entry = state.entries.get(`${each}.${term}`);
      if (entry === undefined) continue;
      if (entry.timeMs <= state.committedMs) {
        this.#fail(`shard ${shard}: the time of entry ${each} at ${node} is not later than the one before`);
      }
      state.committedMs = entry.timeMs;
    }
    if (index > state.committed) state.committedIn = term;
    state.committed = Math.max(state.committed, index);
  }

  /** @param life which start of the node it is */
  served(node: NodeId, life: number, shard: ShardId, term: Term, committed: LogIndex): void {
    const state = this.#of(shard);
    const leader = `${node} (life ${life})`;
    const other = state.leaders.get(term);
    if (other !== undefined && other !== leader)
      this.#fail(`shard ${shard}: ${other} and ${leader} both lead in term ${term}`);
    state.leaders.set(term, leader);
    // One that was deposed and does not know it may begin again, after a hand-over that came to nothing.
    if (committed < state.committed && term >= state.committedIn) {
      this.#fail(`shard ${shard}: ${node} begins to serve at ${committed}, and ${state.committed} was committed`);
    }
  }

  #of(shard: ShardId): TrueShard {
    let state = this.#shards.get(shard);
    if (state === undefined) {
      state = { entries: new Map(), committed: 0, committedIn: 0, committedMs: 0, leaders: new Map() };
      this.#shards.set(shard, state);
    }
    return state;
  }
}

function sumOf({ timeMs, rows }: WriteSet): number {
  let sum = crc32(String(timeMs));
  for (const { key, value } of rows) {
    sum = crc32(key, sum);
    if (value !== null) sum = crc32(value, sum);
  }
  return sum;
}
