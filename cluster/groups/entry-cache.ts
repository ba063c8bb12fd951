/**
 * What entries hold, in memory or read back: followers that are a little behind are served without the disk.
 *
 * Promises: payloads of entries that are applied take `bytesMax` at most; what is read back passes its checksum.
 * Leaves to others: entries that are not applied yet (their payloads stay in memory unless a restart dropped them).
 */
import { RottenRowError } from '../../runtime/codec/row.ts';
import type { Store } from '../../runtime/store/store.ts';
import { type BatchData, batchKey, readData, type ReadHead, readHead } from './batch.ts';
import type { HostedGroup, KeptEntry } from './hosted-group.ts';
import { lonePayload } from './lone-batch.ts';
import { type Payload, readPayload } from './payload.ts';

export class EntryCache {
  readonly #tree: Store;
  readonly #bytesMax: number;
  /** Applied entries with a payload, oldest first. */
  #kept: KeptEntry[] = [];
  #first = 0;
  #bytes = 0;
  /** The batch read last: a slow follower reads on from there. */
  #read: { readonly batch: number; readonly head: ReadHead; readonly data: BatchData | undefined } | undefined;

  constructor(tree: Store, bytesMax: number) {
    this.#tree = tree;
    this.#bytesMax = bytesMax;
  }

  /** The state has it; only followers may want it now. */
  applied(group: HostedGroup, entry: KeptEntry): void {
    const { payload } = entry;
    if (payload === null) return;
    payload.bodies = [];
    if (group.isAlone) {
      entry.payload = null;
      return;
    }
    this.#kept.push(entry);
    this.#bytes += entry.bytes;
    while (this.#bytes > this.#bytesMax) {
      const oldest = this.#kept[this.#first++]!;
      oldest.payload = null;
      this.#bytes -= oldest.bytes;
    }
    if (this.#first < 1_000 || this.#first < this.#kept.length / 2) return;
    this.#kept = this.#kept.slice(this.#first);
    this.#first = 0;
  }

  /** null: its bytes are rotten, or it is in no batch. */
  readBack(group: HostedGroup, entry: KeptEntry): Payload | null {
    if (entry.batch === 0 || entry.kind !== 'data') return null;
    const { head, data } = this.#batch(entry.batch);
    if (head.kind === 'rotten') return null;
    if (head.kind === 'lone') {
      const stored = head.entries.find(([shard, , index]) => shard === group.shard && index === entry.index);
      if (stored === undefined) return null;
      const payload = lonePayload(stored);
      entry.sum = payload.sum;
      return payload;
    }
    const at = head.head.entries.findIndex(
      ([shard, term, index]) => shard === group.shard && index === entry.index && term === entry.term,
    );
    const packed = data?.payloads[at];
    if (packed === undefined || packed === null) return null;
    try {
      return readPayload(packed, entry);
    } catch (error) {
      if (error instanceof RottenRowError) return null;
      throw error;
    }
  }

  #batch(batch: number): { readonly head: ReadHead; readonly data: BatchData | undefined } {
    if (this.#read?.batch === batch) return this.#read;
    const row = this.#tree.get(batchKey(batch));
    const head: ReadHead = row === undefined ? { kind: 'rotten' } : readHead(row);
    const data = head.kind === 'heads' ? readData(this.#tree, batch) : undefined;
    this.#read = { batch, head, data };
    return this.#read;
  }
}
