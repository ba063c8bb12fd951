/**
 * Brings what is committed into the state, once, in the order of the log.
 *
 * Promises: an entry is applied when it is committed *and* durable here; what it changes is a pure function of it, so that
 * recovery repeats it; a replica whose copy is not whole, and what stands behind a damaged entry, wait.
 * Leaves to others: the transaction that says so (`writer.ts`), who hears of it (`roles.ts`).
 */
import { type LogIndex, logIndex } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { type BodyTracker, referenceOps } from '../../runtime/store/bodies.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { ReplicaMark } from './batch.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { EntryCache } from './entry-cache.ts';
import type { Gathering } from './gathering.ts';
import { type AppliedPosition, type HostedGroup, type KeptEntry, nextHash } from './hosted-group.ts';
import type { Payload } from './payload.ts';
import type { StateHashes } from './state-hashes.ts';

export interface ApplyingOptions {
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly gathering: Gathering;
  readonly checkpoints: Checkpoints;
  readonly cache: EntryCache;
  readonly hashes: StateHashes;
  /** Applied up to this index. */
  readonly applied: (group: HostedGroup, upTo: LogIndex) => void;
}

export class Applying {
  readonly #o: ApplyingOptions;
  /** Bytes that the engine appended and that are not applied. */
  pendingBytes = 0;
  #isLessPending = false;

  constructor(options: ApplyingOptions) {
    this.#o = options;
  }

  /** Applies what can be, if anything. */
  apply(group: HostedGroup): void {
    if (group.isCopying) return;
    let upTo = Math.min(group.committed, group.durable);
    const { damagedFrom } = group.raft;
    if (damagedFrom !== null) upTo = Math.min(upTo, damagedFrom - 1);
    if (upTo <= group.applied.index) return;
    let rows = 0;
    while (group.applied.index < upTo) {
      const entry = group.entry(group.applied.index + 1);
      invariant(entry !== undefined, 'what is not applied is kept');
      rows += this.#applyEntry(group, entry);
    }
    this.moved(group, rows);
    this.#o.applied(group, logIndex(upTo));
  }

  /** The group's position is another one: the next batch and the next checkpoint say so. */
  moved({ shard, applied }: HostedGroup, rows: number): void {
    this.#o.gathering.applied(shard, applied.index, rows);
    this.#o.checkpoints.changed(shard);
  }

  /** Of an entry that will not be applied here, or that nobody here waits for any more. */
  notPending(entry: KeptEntry): void {
    if (entry.pendingBytes === 0) return;
    this.#isLessPending = true;
    this.pendingBytes -= entry.pendingBytes;
    entry.pendingBytes = 0;
  }

  /** Whether `pendingBytes` fell since it was asked last. */
  takeLessPending(): boolean {
    const isLess = this.#isLessPending;
    this.#isLessPending = false;
    return isLess;
  }

  #applyEntry(group: HostedGroup, entry: KeptEntry): number {
    const { store, bodies, cache, gathering, hashes } = this.#o;
    let rows = 0;
    if (entry.kind === 'data' && !group.isWitness) {
      const payload = entry.payload ?? cache.readBack(group, entry);
      invariant(payload !== null, 'a committed entry is whole');
      rows = applyPayload(payload, store, bodies);
    }
    if (entry.configuration !== null) {
      group.mark = { ...group.mark, configuration: entry.configuration };
      gathering.marked(group);
    }
    group.applied = appliedWith(group.applied, entry, group.mark);
    this.notPending(entry);
    cache.applied(group, entry);
    hashes.applied(group);
    return rows;
  }
}

/** What an entry changes, again: as `applyPayload`, when it is not known any more what became of its bodies. */
export function replayPayload({ rows, holds }: Payload, store: LayeredStore): void {
  store.apply(rows);
  for (const { hash, owner, held } of holds) store.apply(referenceOps(hash, owner, held));
}

/** What an entry changes. Returns the number of rows. */
function applyPayload({ rows, holds }: Payload, store: LayeredStore, bodies: BodyTracker): number {
  store.apply(rows);
  let count = rows.length;
  for (const { hash, owner, held } of holds) {
    const ops = held ? bodies.hold(hash, owner) : bodies.release(hash, owner);
    store.apply(ops);
    count += ops.length;
  }
  return count;
}

export function appliedWith(before: AppliedPosition, entry: KeptEntry, { installing }: ReplicaMark): AppliedPosition {
  const { index, term, kind, sum } = entry;
  // A change of members starts the hash anew: a new one has not seen what lies before.
  const hash = nextHash(kind === 'configuration' ? 0 : before.hash, sum ^ term);
  return atEnd({ index, term, timeMs: entry.timeMs, hash }, installing);
}

/** Copied rows are as new as the place where the copy ended: from there on the leader's hash and time are ours. */
export function atEnd(applied: AppliedPosition, installing: ReplicaMark['installing']): AppliedPosition {
  const end = installing?.end;
  if (end == null || end.index !== applied.index) return applied;
  return { ...applied, hash: end.hash, timeMs: Math.max(end.timeMs, applied.timeMs) };
}
