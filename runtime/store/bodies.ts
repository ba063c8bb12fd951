/**
 * Which bodies are stored, and which of them may go: kept by the one writer of the store.
 *
 * A body is stored once however many need it. Who needs it is a row, `['r', hash, owner…]`, or an entry of the log that is
 * not compacted yet (counted in memory, since the log's rows say it already). When a row ends, or an entry that may be
 * the last of all, the hash becomes a *candidate*, `['g', hash]`; `sweep` looks at candidates and deletes the bodies that
 * nobody needs.
 *
 *     for each batch:  entryHolds/attach/hold/release/entryReleases  ->  sweep  ->  store.write  ->  written
 *
 * Promises: no body is deleted while somebody needs it, whatever is on its way to the disk; a body that nobody needs is
 * deleted in the end, also after a crash. For both, everything that the methods return goes into the batch that is being
 * gathered, in order, and reference rows are changed in no other way.
 *
 * Leaves to others: what the rows of a body look like (`body-rows.ts`).
 */
import { invariant } from '../base/invariant.ts';
import { encodeRow } from '../codec/row.ts';
import {
  bodyDeletes,
  bodyHeadKey,
  bodyHeadRow,
  bodyOps,
  isBodyBytes,
  lastBodyNumber,
  referenceKey,
} from './body-rows.ts';
import { after, below, type KeyPart, keyParts, keyspace, type RowKey, rowKey } from './keys.ts';
import type { ReadableStore } from './layered-store.ts';
import type { StoreOp } from './store.ts';

/** A reference or a candidate is told by its key alone. */
const markRow = encodeRow(1, null);
/** Candidates kept in memory, of about 100 bytes each; more wait in the store. */
const candidatesMax = 10_000;
/** Candidates read at once when none is in memory. */
const scanRowsMax = 256;
const allCandidates = below(rowKey([keyspace.bodyGarbage]));

/** What is on its way to the store about one body. */
interface Touch {
  /** Number of the youngest batch that changes something about it. */
  batch: number;
  /** Whether the body will be there; undefined: as the store says. */
  isPresent: boolean | undefined;
}

export class BodyTracker {
  readonly #store: ReadableStore;
  /** Entries of the log that name a body. */
  readonly #entries = new Map<string, number>();
  /** Bodies with changes in a batch that is being gathered or is not durable yet. */
  readonly #touched = new Map<string, Touch>();
  /** The hashes that each unwritten batch touches; the last one is being gathered. */
  readonly #batches: Set<string>[] = [new Set()];
  #written = 0;
  #lastNumber: number;
  /** Bodies put by the batch being gathered that nobody has held yet. */
  readonly #unheld = new Set<string>();
  /**
   * Bodies of `#entries` that may have lost everybody else meanwhile: they become candidates when their last entry goes.
   * The others do not (nearly all: a mail whose entry is compacted lies in its mailbox), which spares two rows and a
   * range a mail.
   */
  readonly #suspects = new Set<string>();
  readonly #candidates = new Set<string>();
  /** Candidates may be in the store that are not in memory: to be read when this many batches are written. */
  #scanWhenWritten: number | undefined = 0;
  #scanFrom: RowKey = allCandidates.start;

  constructor(store: ReadableStore) {
    this.#store = store;
    this.#lastNumber = lastBodyNumber(store);
  }

  /** Whether the body is stored, or will be with what is on its way. */
  has(hash: string): boolean {
    return this.#touched.get(hash)?.isPresent ?? this.#store.has(bodyHeadKey(hash));
  }

  /** As `has`, and also true of a body that an entry brings which is not gathered yet. */
  isExpected(hash: string): boolean {
    return this.#entries.has(hash) || this.has(hash);
  }

  /** Applied from the log at start, with `ops` in order: a number that they free must not be given out before they are in the tree. */
  replayed(ops: readonly StoreOp[]): void {
    for (const { key } of ops) {
      if (isBodyBytes(key)) this.#lastNumber = Math.max(this.#lastNumber, keyParts(key)[1] as number);
    }
  }

  /**
   * Stores a body unless it is there. This alone protects nothing: hold it, or name it in an entry, in the same batch.
   * @param hash that of `bytes`: the caller has checked it
   */
  attach(hash: string, bytes: Uint8Array): StoreOp[] {
    if (this.has(hash)) return [];
    this.#touch(hash, true);
    this.#unheld.add(hash);
    return bodyOps(hash, ++this.#lastNumber, bytes);
  }

  /** A number for a body whose bytes come in pieces, before anybody names it: they go into the tree by themselves. */
  reserve(): number {
    return ++this.#lastNumber;
  }

  /** As `attach`, of a body whose bytes are durable under a reserved number. */
  attachReserved(hash: string, number: number, size: number, sums: readonly number[]): StoreOp[] {
    invariant(!this.has(hash), 'a body is stored once');
    this.#touch(hash, true);
    this.#unheld.add(hash);
    return [bodyHeadRow(hash, number, size, sums)];
  }

  /** @param owner who needs it: shard, kind, actor key, tag. Holding twice is holding once. */
  hold(hash: string, owner: readonly KeyPart[]): StoreOp[] {
    invariant(this.has(hash), 'every referenced body is present');
    this.#touch(hash);
    this.#unheld.delete(hash);
    // It has somebody now, and whoever ends this makes it a candidate.
    this.#suspects.delete(hash);
    return referenceOps(hash, owner, true);
  }

  release(hash: string, owner: readonly KeyPart[]): StoreOp[] {
    this.#becomeCandidate(hash);
    return referenceOps(hash, owner, false);
  }

  /** An entry of the log that is made now names the body; one that it found here must not go before it is gathered. */
  entryHolds(hash: string): void {
    this.#entries.set(hash, (this.#entries.get(hash) ?? 0) + 1);
  }

  /** The same for every kept entry at start, before the first `sweep`: what befell its body since, nobody remembers. */
  entryKept(hash: string): void {
    this.entryHolds(hash);
    this.#suspects.add(hash);
  }

  /** Such an entry is compacted by the batch being gathered. */
  entryReleases(hash: string): StoreOp[] {
    const count = this.#entries.get(hash);
    invariant(count !== undefined, 'an entry lets go of a body that it holds');
    if (count > 1) {
      this.#entries.set(hash, count - 1);
      return [];
    }
    this.#entries.delete(hash);
    return this.#suspects.delete(hash) ? [this.#becomeCandidate(hash)] : [];
  }

  /** Log entries that name the body. */
  entryCount(hash: string): number {
    return this.#entries.get(hash) ?? 0;
  }

  /**
   * Ends the batch: to be called last, once, right before it is written.
   * @param limit candidates looked at; a body of many rows makes as many deletes
   */
  sweep(limit: number): StoreOp[] {
    const ops: StoreOp[] = [];
    for (const hash of this.#unheld) {
      if (this.#entries.has(hash)) this.#suspects.add(hash);
      else ops.push(this.#becomeCandidate(hash));
    }
    this.#unheld.clear();
    if (this.#candidates.size === 0) this.#scan();
    for (const hash of this.#nextCandidates(limit)) {
      // Something about it is not durable yet. It goes to the end of the line, so that it stands in nobody's way.
      if (this.#touched.has(hash)) this.#candidates.add(hash);
      else ops.push(...this.#decide(hash));
    }
    this.#batches.push(new Set());
    return ops;
  }

  /** The oldest batch that was swept and not yet written is durable now. */
  written(): void {
    invariant(this.#batches.length >= 2, 'a batch is swept before it is written');
    const batch = this.#written++;
    for (const hash of this.#batches.shift() as Set<string>) {
      if (this.#touched.get(hash)?.batch === batch) this.#touched.delete(hash);
    }
  }

  /** Takes up to `limit` candidates out of the line. */
  #nextCandidates(limit: number): string[] {
    const hashes: string[] = [];
    for (const hash of this.#candidates) {
      if (hashes.length >= limit) break;
      hashes.push(hash);
    }
    for (const hash of hashes) this.#candidates.delete(hash);
    return hashes;
  }

  /** Nothing about `hash` is on its way, so the store and the entries say all. */
  #decide(hash: string): StoreOp[] {
    const ops: StoreOp[] = [{ key: candidateKey(hash), value: null }];
    // Whoever needs it makes it a candidate again at the end.
    if (this.#entries.has(hash)) {
      this.#suspects.add(hash);
      return ops;
    }
    if (hasReferences(this.#store, hash)) return ops;
    ops.push(...bodyDeletes(this.#store, hash));
    this.#touch(hash, false);
    return ops;
  }

  #becomeCandidate(hash: string): StoreOp {
    this.#touch(hash);
    if (this.#candidates.size < candidatesMax) this.#candidates.add(hash);
    else {
      // Its row can be read when this batch is written, and not before.
      this.#scanWhenWritten = this.#batchNumber + 1;
      this.#scanFrom = allCandidates.start;
    }
    return { key: candidateKey(hash), value: markRow };
  }

  /** Takes candidates that earlier lives of the node, or a full memory, left in the store. */
  #scan(): void {
    if (this.#scanWhenWritten === undefined || this.#written < this.#scanWhenWritten) return;
    const rows = this.#store.range({ start: this.#scanFrom, end: allCandidates.end, limit: scanRowsMax });
    for (const { key } of rows) this.#candidates.add(keyParts(key)[1] as string);
    const last = rows.at(-1);
    if (last !== undefined && rows.length === scanRowsMax) this.#scanFrom = after(last.key);
    else this.#scanWhenWritten = undefined;
  }

  #touch(hash: string, isPresent?: boolean): void {
    const touch = this.#touched.get(hash);
    if (touch === undefined) this.#touched.set(hash, { batch: this.#batchNumber, isPresent });
    else {
      touch.batch = this.#batchNumber;
      touch.isPresent = isPresent ?? touch.isPresent;
    }
    this.#batches.at(-1)?.add(hash);
  }

  /** The batch being gathered. */
  get #batchNumber(): number {
    return this.#written + this.#batches.length - 1;
  }
}

/**
 * What `hold` and `release` write. Alone for what is applied from the log at start: rows of later batches may be in the tree
 * already, and the body be gone with them.
 */
export function referenceOps(hash: string, owner: readonly KeyPart[], held: boolean): StoreOp[] {
  if (held) return [{ key: referenceKey(hash, owner), value: markRow }];
  return [
    { key: referenceKey(hash, owner), value: null },
    { key: candidateKey(hash), value: markRow },
  ];
}

/** Whether a committed reference row exists. */
export function hasReferences(store: ReadableStore, hash: string): boolean {
  const rows = below(rowKey([keyspace.bodyReference, hash]));
  return store.range({ ...rows, limit: 1 }).length > 0;
}

function candidateKey(hash: string): RowKey {
  return rowKey([keyspace.bodyGarbage, hash]);
}
