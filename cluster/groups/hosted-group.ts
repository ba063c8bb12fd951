/**
 * One replica as its host knows it: the Raft core beside the entries that this node keeps of it.
 *
 * Promises: kept entries are without a gap from `firstIndex` on, and equal to the log of the core.
 * Leaves to others: what is durable and when (`writer.ts`), what entries do (`applying.ts`).
 */
import { logIndex, type LogIndex, type NodeId, type ShardId, type Term, term } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { RaftGroup } from '../raft/group.ts';
import type { Configuration, EntryHead, Position } from '../raft/protocol.ts';
import { type InstallingMark, kindNumber, type ReplicaMark, type StoredHead } from './batch.ts';
import type { Payload } from './payload.ts';

export interface KeptEntry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly previousTerm: Term;
  readonly kind: EntryHead['kind'];
  readonly bytes: number;
  /** Of a no-op or a configuration: that of the entry before. */
  readonly timeMs: number;
  /** Of a damaged one, none until it is repaired: its bodies may be lost, too. */
  hashes: readonly string[];
  readonly configuration: Configuration | null;
  /** CRC-32 of the packed payload; of one that was made here, known once it is written. */
  sum: number;
  /** The batch that holds it; 0: none yet. */
  batch: number;
  /** null: there is none, or it is on the disk alone. */
  payload: Payload | null;
  /** Bytes that the engine was told are pending. */
  pendingBytes: number;
}

/** How far the state is. */
export interface AppliedPosition {
  readonly index: LogIndex;
  readonly term: Term;
  readonly timeMs: number;
  /** Over the checksums of all applied entries: equal at equal index on all replicas. */
  readonly hash: number;
}

export class HostedGroup {
  readonly shard: ShardId;
  /** Made anew when the replica is quarantined. */
  raft: RaftGroup;
  readonly self: NodeId;
  /** What is durable of the core beside its log, or will be with the next batch. */
  mark: ReplicaMark;
  /** Entries from `firstIndex` on. */
  readonly entries: KeptEntry[];
  firstIndex: LogIndex;
  /** Entries up to here are durable. */
  durable: LogIndex;
  /** Committed as far as the core knows. */
  committed: LogIndex;
  applied: AppliedPosition;
  /** Entries up to here are applied in the tree and its mark. */
  treeApplied: LogIndex;
  /** The engine was told `served` and not yet `lost`. */
  isServed = false;
  /** The core leads, and serves once this is applied; null: it does not. */
  servesFrom: LogIndex | null = null;
  /** Replicas disagree about it and nobody knows who is right: it is not served until an operator decides. */
  isStopped = false;
  /** Waiting msgs that have not left: what comes behind them waits, too. */
  waitingMessages = 0;
  /** What is kept of a copy under way does not apply before it is whole. */
  get isCopying(): boolean {
    const { installing } = this.mark;
    return installing !== null && (installing.end === null || this.isEndHeld);
  }
  /** The end of the copy is known and not durable yet: only from then on recovery knows it, too. */
  isEndHeld = false;

  constructor(from: {
    readonly shard: ShardId;
    readonly raft: RaftGroup;
    readonly self: NodeId;
    readonly mark: ReplicaMark;
    readonly entries: KeptEntry[];
    readonly applied: AppliedPosition;
    readonly treeApplied: LogIndex;
  }) {
    this.shard = from.shard;
    this.raft = from.raft;
    this.self = from.self;
    this.mark = from.mark;
    this.entries = from.entries;
    this.applied = from.applied;
    this.firstIndex = from.entries[0]?.index ?? logIndex(from.applied.index + 1);
    this.treeApplied = from.treeApplied;
    this.committed = from.applied.index;
    this.durable = this.last;
  }

  get last(): LogIndex {
    return logIndex(this.firstIndex + this.entries.length - 1);
  }

  get lastTimeMs(): number {
    return Math.max(this.entries.at(-1)?.timeMs ?? 0, this.applied.timeMs);
  }

  get isWitness(): boolean {
    return this.raft.configuration.witness === this.self;
  }

  /** Whether nobody else has to be asked. */
  get isAlone(): boolean {
    const { voters, learners } = this.raft.configuration;
    return voters.length === 1 && learners.length === 0 && voters[0] === this.self;
  }

  hasMember(node: NodeId): boolean {
    const { voters, learners } = this.raft.configuration;
    return voters.includes(node) || learners.includes(node);
  }

  get notApplied(): readonly KeptEntry[] {
    return this.entries.slice(Math.max(0, this.applied.index + 1 - this.firstIndex));
  }

  entry(index: number): KeptEntry | undefined {
    return this.entries[index - this.firstIndex];
  }

  push(entry: KeptEntry): void {
    if (this.entries.length === 0) this.firstIndex = entry.index;
    invariant(entry.index === this.last + 1 || this.entries.length === 0, 'the entries of a shard follow one another');
    this.entries.push(entry);
  }

  /** Takes out the entries from `from` on. */
  truncate(from: LogIndex): readonly KeptEntry[] {
    invariant(from > this.applied.index, 'an applied entry is never truncated');
    if (this.durable >= from) this.durable = logIndex(from - 1);
    return this.entries.splice(Math.max(0, from - this.firstIndex));
  }

  /** Takes out the entries up to `upTo`. */
  compact(upTo: LogIndex): readonly KeptEntry[] {
    const gone = this.entries.splice(0, Math.max(0, upTo - this.firstIndex + 1));
    if (upTo >= this.firstIndex) this.firstIndex = logIndex(upTo + 1);
    if (this.durable < upTo) this.durable = upTo;
    return gone;
  }

  /** The state is given up for a copy that begins behind `base`. */
  beginCopy(
    from: NodeId | null,
    base: Position,
    configuration: Configuration,
    isMute = this.mark.installing?.isMute ?? false,
  ): void {
    const { index, term } = base;
    this.isEndHeld = false;
    if (this.entries.length === 0) this.firstIndex = logIndex(index + 1);
    if (this.durable < index) this.durable = index;
    this.applied = { index, term, timeMs: this.applied.timeMs, hash: 0 };
    this.treeApplied = index;
    if (this.committed < index) this.committed = index;
    this.mark = { ...this.mark, configuration };
    this.setInstalling({ base, from, isMute, isCleared: false, copiedTo: null, end: null });
  }

  setInstalling(installing: InstallingMark | null): void {
    this.mark = { ...this.mark, installing };
  }
}

export function storedHead(shard: ShardId, entry: KeptEntry, isCarried: boolean): StoredHead {
  const { term, index, previousTerm, kind, bytes, timeMs, sum, hashes, configuration } = entry;
  return [shard, term, index, previousTerm, kindNumber(kind), bytes, timeMs, sum, hashes, configuration, isCarried];
}

/** Where the log of a new or a compacted replica begins. */
export function baseOf(entries: readonly KeptEntry[], applied: AppliedPosition): Position {
  const first = entries[0];
  if (first === undefined) return { index: applied.index, term: applied.term };
  return { index: logIndex(first.index - 1), term: term(first.previousTerm) };
}

export function headOf({ index, term, kind, bytes, configuration }: KeptEntry): EntryHead {
  return { index, term, kind, bytes, configuration };
}

/** Order matters, and equal neighbours are told apart. */
export function nextHash(hash: number, sum: number): number {
  return (Math.imul(hash ^ sum, 0x01000193) + 0x9e3779b9) >>> 0;
}
