/**
 * Which commands had their effect already, and what they were answered (plan §9).
 *
 * A record is written with the effect it stands for. Records go only below the lowest sequence that their caller still
 * waits for (which every command carries), or by `janitor.ts` when the caller was silent for a day. An id below that
 * watermark is refused, never executed.
 */
import type { LogIndex, ShardId } from '../base/ids.ts';
import { invariant } from '../base/invariant.ts';
import { decodeRow, encodeRow } from '../codec/row.ts';
import { below, keyParts, keyspace, rowKey } from '../store/keys.ts';
import type { ReadableStore } from '../store/layered-store.ts';
import type { StoreOp } from '../store/store.ts';
import type { CommandId } from './request.ts';
import { runtimeRowVersion } from './turn.ts';

export interface DedupRecord {
  readonly answer: unknown;
  readonly index: LogIndex;
}

/** As stored: `settledBelow` of the command makes the watermark survive a restart. */
export interface StoredDedup {
  readonly answer: unknown;
  readonly settledBelow: number;
  readonly atMs: number;
}

interface CallerRecords {
  settledBelow: number;
  readonly answers: Map<number, DedupRecord>;
}

/** A caller has at most its calls in flight unsettled; this bounds what one read brings in. */
const recordsPerCallerMax = 10_000;

export type Lookup =
  | { readonly state: 'new' }
  | { readonly state: 'settled' }
  | ({ readonly state: 'known' } & DedupRecord);

export class DedupTable {
  readonly #shard: ShardId;
  readonly #store: ReadableStore;
  readonly #callers = new Map<string, CallerRecords>();

  constructor(shard: ShardId, store: ReadableStore) {
    this.#shard = shard;
    this.#store = store;
  }

  lookup(id: CommandId): Lookup {
    const records = this.#records(id.caller);
    const known = records.answers.get(id.seq);
    if (known !== undefined) return { state: 'known', ...known };
    return id.seq < records.settledBelow ? { state: 'settled' } : { state: 'new' };
  }

  /**
   * What gives the rows to write with the effect of `id`, which gets entry `index`. Only when that is called the record is
   * there: an answer that cannot be stored throws here, and leaves nothing behind that a retry could take for an effect.
   */
  record(id: CommandId, settledBelow: number, answer: unknown, atMs: number): (index: LogIndex) => StoreOp[] {
    const records = this.#records(id.caller);
    invariant(!records.answers.has(id.seq), 'a dedup key is written once');
    const stored: StoredDedup = { answer, settledBelow: Math.max(settledBelow, records.settledBelow), atMs };
    const value = encodeRow(runtimeRowVersion, stored);
    return (index) => {
      const ops = this.#settle(id.caller, records, settledBelow);
      records.answers.set(id.seq, { answer, index });
      ops.push({ key: this.#key(id.caller, id.seq), value });
      return ops;
    };
  }

  /** Forgets what is in memory of a record whose row the janitor removes; others of its caller may be on their way. */
  forget(caller: string, seq: number): void {
    const records = this.#callers.get(caller);
    records?.answers.delete(seq);
    if (records?.answers.size === 0) this.#callers.delete(caller);
  }

  /** Takes away the records below the lowest sequence that the caller still waits for. */
  #settle(caller: string, records: CallerRecords, settledBelow: number): StoreOp[] {
    const ops: StoreOp[] = [];
    if (settledBelow > records.settledBelow) {
      records.settledBelow = settledBelow;
      for (const seq of records.answers.keys()) {
        // In order of insertion, not of sequence, so all are looked at; there are about as many as calls in flight.
        if (seq < settledBelow) {
          records.answers.delete(seq);
          ops.push({ key: this.#key(caller, seq), value: null });
        }
      }
    }
    return ops;
  }

  #key(caller: string, seq: number) {
    return rowKey([keyspace.dedup, this.#shard, caller, seq]);
  }

  #records(caller: string): CallerRecords {
    const known = this.#callers.get(caller);
    if (known !== undefined) return known;
    const records: CallerRecords = { settledBelow: 0, answers: new Map() };
    const range = below(rowKey([keyspace.dedup, this.#shard, caller]));
    for (const row of this.#store.range({ ...range, limit: recordsPerCallerMax })) {
      const stored = decodeRow(row.value).value as StoredDedup;
      records.settledBelow = Math.max(records.settledBelow, stored.settledBelow);
      records.answers.set(keyParts(row.key).at(-1) as number, { answer: stored.answer, index: 0 as LogIndex });
    }
    this.#callers.set(caller, records);
    return records;
  }
}
