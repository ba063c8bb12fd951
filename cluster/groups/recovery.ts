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
import { logIndex, shardId, term, type LogIndex, type ShardId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { RottenRowError } from '../../runtime/codec/row.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { Store, StoreOp } from '../../runtime/store/store.ts';
import type { Configuration } from '../raft/protocol.ts';
import { readApplied, readAppliedBatch } from './applied-rows.ts';
import { appliedWith, atEnd, replayPayload } from './applying.ts';
import {
  type BatchHead,
  keptHeads,
  kindOf,
  markRow,
  marksIn,
  type ReadHead,
  readData,
  readMark,
  type ReplicaMark,
} from './batch.ts';
import type { AppliedPosition, KeptEntry } from './hosted-group.ts';
import { keptOfLone, type LoneBatch, loneOps } from './lone-batch.ts';
import { type Payload, type PayloadParts, readPayload } from './payload.ts';
import { type GivenUp, RecoveredDamage } from './recovered-damage.ts';
import { RecoveredLog } from './recovered-log.ts';
import { opsOf } from './stored-ops.ts';

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
  /** All is applied in the tree up to here, or was given up. */
  treeApplied: LogIndex;
}

export interface Recovered {
  readonly replicas: readonly RecoveredReplica[];
  readonly batches: readonly { readonly batch: number; readonly entries: readonly (readonly [ShardId, KeptEntry])[] }[];
  readonly appliedBatch: number;
  readonly nextBatch: number;
  /** Nobody knows any more where their logs ended, or what is there of a copy. */
  readonly givenUp: ReadonlyMap<ShardId, GivenUp>;
  /** To be written before anything rests on what was recovered. */
  readonly ops: readonly StoreOp[];
}

export function recover(o: RecoveryOptions): Recovered {
  const replicas = Array.from({ length: o.shardCount }, (_, shard) => newReplica(o, shardId(shard)));
  const appliedBatch = readAppliedBatch(o.tree);
  const batches: { batch: number; head: ReadHead; entries: (readonly [ShardId, KeptEntry])[] }[] = [];
  const damage = new RecoveredDamage(o.shardCount);
  for (const [batch, head] of keptHeads(o.tree)) {
    const last = batches.at(-1);
    invariant(last === undefined || batch === last.batch + 1, 'no batch of the log is missing');
    const entries = noteHeads(replicas, batch, head);
    batches.push({ batch, head: batch > appliedBatch ? head : { kind: 'rotten' }, entries });
    if (head.kind === 'rotten') damage.lostHeads(batch, readData(o.tree, batch)?.outline ?? null);
    else if (head.kind === 'heads') damage.laterHeads(head.head);
  }
  const replaying: Replaying = { ...o, replicas, damage, givenUpIn: givenUpIn(batches) };
  for (const { batch, head, entries } of batches) if (batch > appliedBatch) replay(replaying, batch, head, entries);
  for (const replica of replicas) {
    replica.log.trim(replica.applied);
    forgetLetGo(o, replica);
    missWithoutBodies(o, replica);
  }
  const nextBatch = Math.max(appliedBatch, batches.at(-1)?.batch ?? 0) + 1;
  const givenUp = damage.givenUp((shard) => replicas[shard]!.applied.index);
  return { replicas, batches, appliedBatch, nextBatch, givenUp, ops: damage.ops };
}

function newReplica({ tree, configurationOf }: RecoveryOptions, shard: ShardId): RecoveredReplica {
  const applied = readApplied(tree, shard);
  const mark = readMark(tree, shard) ?? {
    term: applied.term,
    votedFor: null,
    configuration: configurationOf(shard),
    installing: null,
  };
  return { shard, mark, applied, log: new RecoveredLog(), treeApplied: applied.index };
}

function noteHeads(
  replicas: readonly RecoveredReplica[],
  batch: number,
  head: ReadHead,
): (readonly [ShardId, KeptEntry])[] {
  if (head.kind === 'rotten') return [];
  if (head.kind === 'lone') {
    return head.entries.map((stored) => {
      const [shard, entry] = keptOfLone(stored, batch);
      return [shard, replicas[shard]!.log.note(entry, false)] as const;
    });
  }
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

interface Replaying extends RecoveryOptions {
  readonly replicas: readonly RecoveredReplica[];
  readonly damage: RecoveredDamage;
  /** The batch in which a state was given up last. */
  readonly givenUpIn: ReadonlyMap<number, number>;
}

function givenUpIn(batches: readonly { readonly batch: number; readonly head: ReadHead }[]): Map<number, number> {
  const last = new Map<number, number>();
  for (const { batch, head } of batches) {
    if (head.kind === 'heads') for (const [shard] of head.head.givenUp) last.set(shard, batch);
  }
  return last;
}

type NotedEntry = readonly [ShardId, KeptEntry];

function replay(o: Replaying, batch: number, head: ReadHead, entries: readonly NotedEntry[]): void {
  if (head.kind === 'rotten') replayRowsAlone(o, batch);
  else if (head.kind === 'lone') replayLone(o, head, entries);
  else replayHeads(o, batch, head.head, entries);
}

/** It was committed with its batch, and its bodies' rows are in there. */
function replayLone(o: Replaying, head: LoneBatch, entries: readonly NotedEntry[]): void {
  own(o, loneOps(head));
  for (const [shard, entry] of entries) {
    const replica = o.replicas[shard]!;
    // It had no vote to remember, and one term.
    replica.mark = { ...replica.mark, term: Math.max(replica.mark.term, entry.term) };
    advance(o, replica, entry);
  }
}

/** What was applied before it, later batches say again. */
function replayRowsAlone(o: Replaying, batch: number): void {
  const data = readData(o.tree, batch);
  if (data === undefined) {
    o.damage.lostRows(batch, []);
    return;
  }
  const rows = opsOf(data.rows);
  for (const [shard, mark] of marksIn(rows)) marked(o, shard, mark);
  own(o, rows);
}

function replayHeads(o: Replaying, batch: number, head: BatchHead, entries: readonly NotedEntry[]): void {
  const { replicas, damage } = o;
  for (const [shard, index] of head.applied) {
    // What a state was before it was given up went with it. To repeat that could bring more to light than the life knew which
    // deleted it: entries that were missing then, and stand in a later batch now.
    if (batch > (o.givenUpIn.get(shard) ?? 0)) applyUpTo(o, replicas[shard]!, index);
  }
  for (const [shard, index, at] of head.givenUp) {
    const { applied } = replicas[shard]!;
    replicas[shard]!.applied = { index: logIndex(index), term: term(at), timeMs: applied.timeMs, hash: 0 };
    replicas[shard]!.treeApplied = logIndex(index);
    o.changed(shardId(shard));
    damage.begunAnew(shardId(shard));
  }
  const copying = copiesUnderWay(replicas);
  for (const [shard, mark] of head.marks) marked(o, shard, mark);
  const data = readData(o.tree, batch);
  if (data === undefined) {
    for (const [, entry] of entries) if (entry.kind === 'data' && entry.batch === batch) entry.batch = 0;
    o.store.apply(head.marks.map(([shard, mark]) => markRow(shard, mark)));
    damage.lostRows(batch, [...copying, ...copiesUnderWay(replicas)]);
    return;
  }
  for (const [at, [shard, entry]] of entries.entries()) {
    const packed = data.payloads[at];
    if (packed === null || packed === undefined || entry.index <= replicas[shard]!.applied.index) continue;
    entry.payload = payloadOrNull(packed, entry);
  }
  own(o, opsOf(data.rows));
}

function marked({ replicas }: Replaying, shard: number, mark: ReplicaMark): void {
  const replica = replicas[shard]!;
  replica.mark = mark;
  replica.applied = atEnd(replica.applied, mark.installing);
}

function copiesUnderWay(replicas: readonly RecoveredReplica[]): (readonly [ShardId, { readonly isMute: boolean }])[] {
  return replicas.flatMap(({ shard, mark: { installing } }) =>
    installing === null ? [] : [[shard, { isMute: installing.isMute }] as const],
  );
}

/**
 * An earlier life let go of entries whose batches are still there: with a state that was given up, or since they could not be
 * read. Their bodies may be gone since, and who finds such an entry in the log takes its body for one that is here.
 */
function forgetLetGo(o: RecoveryOptions, { log, treeApplied }: RecoveredReplica): void {
  const gone = log.entries.findLast((entry) => entry.index <= treeApplied && !hasBodies(o, entry));
  if (gone !== undefined) log.forget(gone.index);
}

/**
 * Entries whose bodies were in lost rows are missing as those are whose bytes are: the leader brings both. Also when the
 * batch that was lost is in the tree meanwhile, and nothing else tells of it any more.
 */
function missWithoutBodies(o: RecoveryOptions, { log, applied }: RecoveredReplica): void {
  for (const entry of log.entries) {
    if (entry.index <= applied.index || hasBodies(o, entry)) continue;
    entry.payload = null;
    entry.batch = 0;
  }
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
function applyUpTo(o: Replaying, replica: RecoveredReplica, upTo: number): void {
  while (replica.applied.index < upTo) {
    const entry = replica.log.entry(replica.applied.index + 1);
    if (entry === undefined) return;
    if (entry.kind === 'data' && !o.isWitness(replica.mark.configuration)) {
      const payload = entry.payload ?? storedPayload(o.tree, replica.shard, entry);
      if (payload === null || (o.damage.hasLostRows && !hasBodies(o, entry))) return;
      replayPayload(payload, o.store);
      entry.payload = null;
    }
    if (entry.configuration !== null) replica.mark = { ...replica.mark, configuration: entry.configuration };
    advance(o, replica, entry);
  }
}

/** A body may also be gone since: a later batch deleted it, and is in the tree in part. Then the leader brings it for nothing. */
const hasBodies = ({ bodies }: RecoveryOptions, { hashes }: KeptEntry): boolean =>
  hashes.every((hash) => bodies.has(hash));

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
