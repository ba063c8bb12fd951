/**
 * What a restart makes of the rows on disk: for each shard its log, its state as it was, and what is damaged.
 *
 *     1. heads of all kept batches          -> which entries each log holds, and where it ends
 *     2. batches that are not in the tree   -> payloads; what was applied before; then the batch's own rows
 *
 * Promises: tree and layers are exactly what they were when the last batch was made; entries that no batch says to be
 * applied wait for Raft. Damage makes entries missing, never the log shorter; where nobody else has a copy it stops the node.
 * Leaves to others: the core (`host.ts` restores it from what is returned).
 */
import type { Applied } from '../../runtime/actor/log-rows.ts';
import { batchOps, opsOf, readApplied, readAppliedBatch, type StoredEntry } from '../../runtime/actor/log-rows.ts';
import { logIndex, shardId, term, type LogIndex, type ShardId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { RottenRowError } from '../../runtime/codec/row.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { Store, StoreOp } from '../../runtime/store/store.ts';
import type { Configuration } from '../raft/protocol.ts';
import { appliedWith, atEnd, replayPayload } from './applying.ts';
import { keptHeads, kindOf, type ReadHead, readData, readMark, type ReplicaMark } from './batch.ts';
import type { AppliedPosition, KeptEntry } from './hosted-group.ts';
import { Payload, type PayloadParts, readPayload } from './payload.ts';
import { RecoveredLog } from './recovered-log.ts';

export interface RecoveryOptions {
  readonly tree: Store;
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly shardCount: number;
  readonly configurationOf: (shard: ShardId) => Configuration;
  readonly isWitness: (configuration: Configuration) => boolean;
  readonly changed: (shard: ShardId) => void;
}

export interface RecoveredReplica {
  readonly shard: ShardId;
  mark: ReplicaMark;
  applied: AppliedPosition;
  readonly log: RecoveredLog;
  /** All is applied in the tree up to here. */
  readonly treeApplied: LogIndex;
}

export interface Recovered {
  readonly replicas: readonly RecoveredReplica[];
  readonly batches: readonly { readonly batch: number; readonly entries: readonly (readonly [ShardId, KeptEntry])[] }[];
  readonly appliedBatch: number;
  readonly nextBatch: number;
  /** Heads of a batch are lost: nobody knows where logs with entries in it ended. */
  readonly rottenHeads: readonly number[];
}

export function recover(o: RecoveryOptions): Recovered {
  const replicas = Array.from({ length: o.shardCount }, (_, shard) => newReplica(o, shardId(shard)));
  const appliedBatch = readAppliedBatch(o.tree);
  const batches: { batch: number; head: ReadHead; entries: (readonly [ShardId, KeptEntry])[] }[] = [];
  const rottenHeads: number[] = [];
  for (const [batch, head] of keptHeads(o.tree)) {
    const last = batches.at(-1);
    invariant(last === undefined || batch === last.batch + 1, 'no batch of the log is missing');
    const entries = noteHeads(replicas, batch, head);
    batches.push({ batch, head: batch > appliedBatch ? head : { kind: 'rotten' }, entries });
    if (head.kind === 'rotten') rottenHeads.push(batch);
  }
  for (const { batch, head, entries } of batches) if (batch > appliedBatch) replay(o, replicas, batch, head, entries);
  for (const { log, applied } of replicas) log.trim(applied);
  const nextBatch = Math.max(appliedBatch, batches.at(-1)?.batch ?? 0) + 1;
  return { replicas, batches, appliedBatch, nextBatch, rottenHeads };
}

function newReplica({ tree, configurationOf }: RecoveryOptions, shard: ShardId): RecoveredReplica {
  const applied = appliedOf(readApplied(tree, shard));
  const mark = readMark(tree, shard) ?? {
    term: applied.term,
    votedFor: null,
    configuration: configurationOf(shard),
    installing: null,
  };
  return { shard, mark, applied, log: new RecoveredLog(), treeApplied: applied.index };
}

/** A lone node's mark has neither term nor hash: all its entries are of term 1. */
function appliedOf(row: Applied & Partial<Pick<AppliedPosition, 'term' | 'hash'>>): AppliedPosition {
  const { index, timeMs } = row;
  return { index: logIndex(index), term: row.term ?? term(index > 0 ? 1 : 0), timeMs, hash: row.hash ?? 0 };
}

function noteHeads(
  replicas: readonly RecoveredReplica[],
  batch: number,
  head: ReadHead,
): (readonly [ShardId, KeptEntry])[] {
  if (head.kind === 'rotten') return [];
  if (head.kind === 'lone') return head.entries.map((entry) => noteLone(replicas, batch, entry));
  const { entries, truncations } = head.head;
  for (const [shard, from] of truncations) replicas[shard]!.log.truncate(from);
  return entries.map((stored) => {
    const [shard, at, index, previousTerm, kind, bytes, timeMs, sum, hashes, configuration, isCarried] = stored;
    const entry: KeptEntry = {
      term: term(at),
      index: logIndex(index),
      previousTerm: term(previousTerm),
      kind: kindOf(kind) ?? 'data',
      bytes,
      timeMs,
      hashes,
      configuration,
      sum,
      batch,
      payload: null,
      pendingBytes: 0,
    };
    return [shardId(shard), replicas[shard]!.log.note(entry, isCarried)] as const;
  });
}

function noteLone(
  replicas: readonly RecoveredReplica[],
  batch: number,
  [shard, at, index, timeMs, rows, holds, hashes]: StoredEntry,
): readonly [ShardId, KeptEntry] {
  const payload = new Payload({ timeMs, rows: opsOf(rows), holds, bodies: [] }, hashes);
  const entry: KeptEntry = {
    term: term(at),
    index: logIndex(index),
    previousTerm: term(index > 1 ? 1 : 0),
    kind: 'data',
    bytes: payload.rowBytes,
    timeMs,
    hashes,
    configuration: null,
    sum: payload.sum,
    batch,
    payload: null,
    pendingBytes: 0,
  };
  return [shardId(shard), replicas[shard]!.log.note(entry, false)];
}

function replay(
  o: RecoveryOptions,
  replicas: readonly RecoveredReplica[],
  batch: number,
  head: ReadHead,
  entries: readonly (readonly [ShardId, KeptEntry])[],
): void {
  if (head.kind === 'rotten') return;
  if (head.kind === 'lone') {
    // It was committed with its batch, and its bodies' rows are in there.
    own(o, batchOps(head));
    for (const [shard, entry] of entries) {
      const replica = replicas[shard]!;
      // It had no vote to remember, and one term.
      replica.mark = { ...replica.mark, term: Math.max(replica.mark.term, entry.term) };
      advance(o, replica, entry);
    }
    return;
  }
  const { head: of } = head;
  const givenUp = new Set(of.givenUp.map(([shard]) => shard));
  for (const [shard, index] of of.applied) if (!givenUp.has(shard)) applyUpTo(o, replicas[shard]!, index);
  for (const [shard, index, at] of of.givenUp) {
    const { applied } = replicas[shard]!;
    replicas[shard]!.applied = { index: logIndex(index), term: term(at), timeMs: applied.timeMs, hash: 0 };
    o.changed(shardId(shard));
  }
  for (const [shard, mark] of of.marks) {
    const replica = replicas[shard]!;
    replica.mark = mark;
    replica.applied = atEnd(replica.applied, mark.installing);
  }
  const data = readData(o.tree, batch);
  if (data === undefined) {
    for (const [, entry] of entries) if (entry.kind === 'data' && entry.batch === batch) entry.batch = 0;
    return;
  }
  for (const [at, [shard, entry]] of entries.entries()) {
    const packed = data.payloads[at];
    if (packed === null || packed === undefined || entry.index <= replicas[shard]!.applied.index) continue;
    entry.payload = payloadOrNull(packed, entry);
  }
  own(o, opsOf(data.rows));
}

function payloadOrNull(packed: Uint8Array | PayloadParts, entry: KeptEntry): Payload | null {
  try {
    return readPayload(packed, entry);
  } catch (error) {
    if (error instanceof RottenRowError) return null;
    throw error;
  }
}

function own({ store, bodies }: RecoveryOptions, ops: readonly StoreOp[]): void {
  store.apply(ops);
  bodies.replayed(ops);
}

/** What a batch says to be applied. It stops where an entry is damaged: the leader brings it again. */
function applyUpTo(o: RecoveryOptions, replica: RecoveredReplica, upTo: number): void {
  while (replica.applied.index < upTo) {
    const entry = replica.log.entry(replica.applied.index + 1);
    if (entry === undefined) return;
    if (entry.kind === 'data' && !o.isWitness(replica.mark.configuration)) {
      const payload = entry.payload ?? storedPayload(o.tree, replica.shard, entry);
      if (payload === null) return;
      replayPayload(payload, o.store);
      entry.payload = null;
    }
    if (entry.configuration !== null) replica.mark = { ...replica.mark, configuration: entry.configuration };
    advance(o, replica, entry);
  }
}

function advance({ changed }: RecoveryOptions, replica: RecoveredReplica, entry: KeptEntry): void {
  if (entry.index <= replica.applied.index) return;
  replica.applied = appliedWith(replica.applied, entry, replica.mark);
  changed(replica.shard);
}

/** Of an entry whose batch is in the tree although it was not applied then: rare, so the whole batch is read for it. */
function storedPayload(tree: Store, shard: ShardId, entry: KeptEntry): Payload | null {
  for (const [batch, head] of keptHeads(tree)) {
    if (batch !== entry.batch || head.kind !== 'heads') continue;
    const at = head.head.entries.findIndex(([of, , index]) => of === shard && index === entry.index);
    const packed = readData(tree, batch)?.payloads[at];
    return packed === undefined || packed === null ? null : payloadOrNull(packed, entry);
  }
  return null;
}
