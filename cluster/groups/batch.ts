/**
 * The two rows of one group commit, and what is read from them.
 *
 *     ['l', batch]     heads of the entries, truncations, Raft states that changed, what was applied since the batch before
 *     ['l', batch, 1]  what the entries hold, the rows that the host itself writes, and an outline of the heads
 *
 * Two, so that a rotten byte among megabytes of payload costs payloads and never the knowledge where a log ends (plan §6).
 * Where the heads rot, the outline says which logs were in them, and the host's rows what their Raft states are.
 * Batches of before (`lone-batch.ts`) are read, too.
 */
import { logIndex, nodeId, type NodeId, term, type Term, type LogIndex } from '../../runtime/base/ids.ts';
import type { PackBuffer } from '../../runtime/codec/codec.ts';
import { decodeRow, encodeRow, encodeRowAgain, RottenRowError } from '../../runtime/codec/row.ts';
import { below, keyParts, keyspace, type RowKey, rowKey } from '../../runtime/store/keys.ts';
import type { ReadableStore } from '../../runtime/store/layered-store.ts';
import type { StoreOp } from '../../runtime/store/store.ts';
import type { Configuration, EntryHead, Position } from '../raft/protocol.ts';
import { type LoneBatch, loneVersion } from './lone-batch.ts';
import type { PayloadParts } from './payload.ts';
import type { StoredOps } from './stored-ops.ts';

const headVersion = 2;
/** Stands where heads were that could not be read. */
const lostVersion = 3;
/** 1 has no outline. */
const dataVersion = 2;
const markVersion = 1;

const kinds = ['data', 'noop', 'configuration'] as const;

/** One entry as its batch's head row has it: all but what it holds. */
export type StoredHead = readonly [
  shard: number,
  term: number,
  index: number,
  previousTerm: number,
  kind: number,
  bytes: number,
  timeMs: number,
  sum: number,
  hashes: readonly string[],
  configuration: Configuration | null,
  /** It was in an older batch and is said again here, so that the older one could go: truncates nothing. */
  isCarried: boolean,
];

/** A replica's state beside its log, which only its row `['h', shard]` has. */
export interface ReplicaMark {
  readonly term: number;
  readonly votedFor: string | null;
  /** In force at what is applied. */
  readonly configuration: Configuration;
  readonly installing: InstallingMark | null;
}

/** The state is not whole: it is being copied, for entries behind `base`. */
export interface InstallingMark {
  readonly base: Position;
  /** Who gives it; null: nobody yet. A copy from another node begins anew, since its state may be an older one. */
  readonly from: NodeId | null;
  /** Nobody knows any more where its log ended, so it gives no votes either. */
  readonly isMute: boolean;
  /** Old rows are gone; before that, nothing of the copy is here. */
  readonly isCleared: boolean;
  /** Where the next part of the copy begins (`copy-parts.ts`); null: with the first. */
  readonly copiedTo: string | null;
  /** Where the leader's state was when the last row was read: whole once applied up to here. null: more rows to come. */
  readonly end: StateEnd | null;
}

/** A leader's state at one moment. */
export interface StateEnd {
  readonly index: number;
  readonly hash: number;
  readonly timeMs: number;
}

export interface BatchHead {
  readonly entries: readonly StoredHead[];
  /** Before `entries`. */
  readonly truncations: readonly (readonly [shard: number, from: number])[];
  readonly marks: readonly (readonly [shard: number, mark: ReplicaMark])[];
  /** Before this batch's own rows: entries up to the index were applied since the batch before. */
  readonly applied: readonly (readonly [shard: number, index: number])[];
  /** Instead of it: the state was given up, and what is applied from now on stands behind this place. */
  readonly givenUp: readonly (readonly [shard: number, index: number, term: number])[];
}

export interface BatchData {
  /**
   * In the order of the head's entries; null of a no-op, a configuration, and of all at a witness. Where a group has one
   * voter, as values of the row: to pack each by itself as well cost 8 us an entry.
   */
  readonly payloads: readonly (Uint8Array | PayloadParts | null)[];
  /** Of the host itself, for the layers: heads, references and candidates of bodies, marks, copied rows. */
  readonly rows: StoredOps;
  /** null: the row is of an older version. */
  readonly outline: Outline | null;
}

/** Which logs the heads are about, and the last entry of each in them; null: they say that one is shorter, or given up. */
export type Outline = readonly (readonly [shard: number, last: number | null])[];

/** A row that cannot be read is `rotten`. */
export type ReadHead =
  | { readonly kind: 'heads'; readonly head: BatchHead }
  | ({ readonly kind: 'lone' } & LoneBatch)
  | { readonly kind: 'rotten' };

export const batchKey = (batch: number): RowKey => rowKey([keyspace.log, batch]);
const dataKey = (batch: number): RowKey => rowKey([keyspace.log, batch, 1]);

/** The bytes of the second row are overwritten by the next call with that buffer. */
export function batchRows(batch: number, head: BatchHead, data: BatchData, into: PackBuffer): StoreOp[] {
  const { entries, truncations, marks, applied, givenUp } = head;
  return [
    { key: batchKey(batch), value: encodeRow(headVersion, [entries, truncations, marks, applied, givenUp]) },
    { key: dataKey(batch), value: encodeRowAgain(dataVersion, [data.payloads, data.rows, data.outline], into) },
  ];
}

export function batchDeletes(batch: number): StoreOp[] {
  return [
    { key: batchKey(batch), value: null },
    { key: dataKey(batch), value: null },
  ];
}

/**
 * What could not be read stays lost: a later life must not find it readable again (a cable, a bad block that was read at
 * the third try), since this life goes on as if it had never been.
 */
export const lostHeads = (batch: number): StoreOp => ({ key: batchKey(batch), value: encodeRow(lostVersion, null) });
export const lostData = (batch: number): StoreOp => ({ key: dataKey(batch), value: null });

export function readHead(row: Uint8Array): ReadHead {
  try {
    const { version, value } = decodeRow(row);
    if (version === lostVersion) return { kind: 'rotten' };
    if (version === loneVersion) return { kind: 'lone', ...(value as LoneBatch) };
    const [entries, truncations, marks, applied, givenUp] = value as [
      BatchHead['entries'],
      BatchHead['truncations'],
      BatchHead['marks'],
      BatchHead['applied'],
      BatchHead['givenUp'],
    ];
    return { kind: 'heads', head: { entries, truncations, marks, applied, givenUp } };
  } catch (error) {
    if (error instanceof RottenRowError) return { kind: 'rotten' };
    throw error;
  }
}

export function outlineOf({ entries, truncations, givenUp }: BatchHead): Outline {
  const last = new Map<number, number | null>();
  for (const [shard] of [...truncations, ...givenUp]) last.set(shard, null);
  for (const [shard, , index] of entries) {
    const before = last.get(shard);
    if (before !== null) last.set(shard, Math.max(before ?? 0, index));
  }
  return [...last];
}

/** undefined: rotten or gone. */
export function readData(store: ReadableStore, batch: number): BatchData | undefined {
  const row = store.get(dataKey(batch));
  if (row === undefined) return undefined;
  try {
    const [payloads, rows, outline] = decodeRow(row).value as [BatchData['payloads'], StoredOps, Outline | undefined];
    return { payloads, rows, outline: outline ?? null };
  } catch (error) {
    if (error instanceof RottenRowError) return undefined;
    throw error;
  }
}

/** Head rows of all kept batches, oldest first, one read at a time. Their payloads are skipped. */
export function* keptHeads(store: ReadableStore): Iterable<readonly [batch: number, head: ReadHead]> {
  const all = below(rowKey([keyspace.log]));
  for (let start = all.start; ; ) {
    const [row] = store.range({ start, end: all.end, limit: 1 });
    if (row === undefined) return;
    const parts = keyParts(row.key);
    const batch = parts[1] as number;
    // Its head row is gone: only a data row is left.
    yield [batch, parts.length > 2 ? { kind: 'rotten' } : readHead(row.value)];
    start = batchKey(batch + 1);
  }
}

const markKey = (shard: number): RowKey => rowKey([keyspace.replica, shard]);

export const markRow = (shard: number, mark: ReplicaMark): StoreOp => ({
  key: markKey(shard),
  value: encodeRow(markVersion, mark),
});

/** Those among the host's own rows. */
export function marksIn(rows: readonly StoreOp[]): (readonly [shard: number, mark: ReplicaMark])[] {
  const marks: (readonly [number, ReplicaMark])[] = [];
  for (const { key, value } of rows) {
    const [space, shard] = key.startsWith(`${keyspace.replica}\0`) ? keyParts(key) : [];
    if (space !== undefined && value !== null) marks.push([shard as number, decodeRow(value).value as ReplicaMark]);
  }
  return marks;
}

/** @throws {RottenRowError} */
export function readMark(store: ReadableStore, shard: number): ReplicaMark | undefined {
  const row = store.get(markKey(shard));
  return row === undefined ? undefined : (decodeRow(row).value as ReplicaMark);
}

export const kindNumber = (kind: EntryHead['kind']): number => kinds.indexOf(kind);

/** @param number from the disk or a peer */
export function kindOf(number: unknown): EntryHead['kind'] | undefined {
  return typeof number === 'number' ? kinds[number] : undefined;
}

export interface HardStateOf {
  readonly term: Term;
  readonly votedFor: NodeId | null;
}

export const hardStateOf = ({ term: at, votedFor }: ReplicaMark): HardStateOf => ({
  term: term(at),
  votedFor: votedFor === null ? null : nodeId(votedFor),
});

export const positionOf = (index: number, at: number): { readonly index: LogIndex; readonly term: Term } => ({
  index: logIndex(index),
  term: term(at),
});
