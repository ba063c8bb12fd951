/** Puts the parts of a host together. They call each other in a circle, so each is handed functions that look up the other. */
import { Checkpoints } from '../../runtime/actor/checkpoints.ts';
import { batchesKept } from '../../runtime/actor/local-log.ts';
import type { GroupCommit } from '../../runtime/actor/log.ts';
import type { Clock } from '../../runtime/base/clock.ts';
import { logIndex, type NodeId, type ShardId } from '../../runtime/base/ids.ts';
import type { Limits } from '../../runtime/base/limits.ts';
import type { Random } from '../../runtime/base/random.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { Store } from '../../runtime/store/store.ts';
import type { Transport } from '../mesh/transport.ts';
import type { Configuration, Settings } from '../raft/protocol.ts';
import { AppendIntake } from './append-intake.ts';
import { Applying } from './applying.ts';
import { BodyFetching } from './body-fetching.ts';
import { BodyStaging } from './body-staging.ts';
import { Compaction } from './compaction.ts';
import { CopyReceiving } from './copy-receiving.ts';
import { CopySending } from './copy-sending.ts';
import { EntryCache } from './entry-cache.ts';
import { type GatheredEntry, Gathering } from './gathering.ts';
import { Hearing } from './hearing.ts';
import type { HostedGroup } from './hosted-group.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';
import { ReadRounds } from './read-rounds.ts';
import { Quarantine } from './quarantine.ts';
import { recover, type Recovered } from './recovery.ts';
import { restoreReplicas } from './restoring.ts';
import { Roles } from './roles.ts';
import { StateHashes, type Verdict } from './state-hashes.ts';
import { Stepping } from './stepping.ts';
import { Wakes } from './wakes.ts';
import { Writer } from './writer.ts';

export interface HostOptions {
  readonly self: NodeId;
  /** Where transactions go. */
  readonly tree: Store;
  /** What is read: the tree, and over it what is committed only. */
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly shardCount: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  readonly limits: Pick<Limits, 'groupCommitBytesMax' | 'bodyInlineBytesMax' | 'frameBytesMax' | 'frameMessagesMax'>;
  /** Of a group that is not on disk yet. */
  readonly configurationOf: (shard: ShardId) => Configuration;
  readonly settings?: Partial<Settings>;
  /** Group commits kept behind the newest: what a follower that was away reads on from. */
  readonly batchesKept?: number;
  /** So many bytes are about to be written: for the guard on free space. */
  readonly writing?: (bytes: number) => void;
  readonly observe: (commit: GroupCommit) => void;
  /** A peer sent what cannot be; nothing of it was taken. */
  readonly refusedFrame?: (from: NodeId, error: unknown) => void;
  /** Replicas applied the same entries and do not agree: what is done about it. */
  readonly different?: (shard: ShardId, verdict: Verdict) => void;
  readonly fatal: (error: unknown) => void;
}

/** Two windows of appends cover a round trip at some 100 MB/s; what is not answered in half a second was lost. */
const defaultSettings: Settings = {
  windowBytesMax: 4 * 1024 * 1024,
  appendBytesMax: 1024 * 1024,
  retryMs: 500,
  transferMsMax: 3_000,
};
/** Payloads of applied entries in memory, for followers that are a little behind. */
const cacheBytesMax = 32 * 1024 * 1024;

export interface HostCalls {
  /** Runs what came in from outside as one event. */
  readonly event: (act: () => void) => void;
  /** Something is to be sent or written at the end of the turn. */
  readonly wake: () => void;
  readonly written: () => void;
}

export class HostParts {
  readonly checkpoints: Checkpoints;
  readonly groups: readonly HostedGroup[];
  readonly gathering = new Gathering();
  readonly roles = new Roles();
  readonly outgoing: Outgoing;
  readonly hearing: Hearing;
  readonly staging: BodyStaging;
  readonly applying: Applying;
  readonly stepping: Stepping;
  readonly reads: ReadRounds;
  readonly wakes: Wakes;
  readonly intake: AppendIntake;
  readonly fetching: BodyFetching;
  readonly copying: CopyReceiving;
  readonly giving: CopySending;
  readonly writer: Writer;
  readonly incoming: Incoming;
  readonly #o: HostOptions;
  readonly #calls: HostCalls;
  readonly #cache: EntryCache;
  readonly #hashes: StateHashes;
  readonly #quarantine: Quarantine;

  /** @throws {OperationError} `entryDamaged`, `logDamaged` */
  constructor(options: HostOptions, calls: HostCalls) {
    const { self, tree, store, bodies, clock, transport, limits, different } = options;
    const { gathering } = this;
    this.#o = options;
    this.#calls = calls;
    this.checkpoints = new Checkpoints({ store, clock, wake: calls.wake });
    this.#cache = new EntryCache(tree, cacheBytesMax);
    const recovered = this.#recover();
    const settings = { ...defaultSettings, ...options.settings };
    this.groups = restoreReplicas(recovered, { self, cache: this.#cache, settings });
    for (const { entries } of this.groups) {
      for (const { hashes } of entries) for (const hash of hashes) bodies.entryKept(hash);
    }
    const outgoing = new Outgoing(transport, limits);
    this.outgoing = outgoing;
    this.hearing = new Hearing((node) => transport.isLinked(node));
    this.staging = new BodyStaging({ tree, bodies, gathering, clock });
    this.#hashes = new StateHashes(outgoing, (group, verdict) => {
      different?.(group.shard, verdict);
      this.#quarantine.judge(group, verdict);
    });
    this.applying = this.#newApplying();
    this.stepping = this.#newStepping();
    this.reads = new ReadRounds((group, token) => this.#read(group, token));
    this.wakes = new Wakes(clock, (due) => calls.event(() => this.#time(due)));
    this.intake = this.#newIntake();
    this.fetching = this.#newFetching();
    this.copying = this.#newCopying();
    this.giving = new CopySending({ store, outgoing, clock });
    const { applying, roles, reads, copying } = this;
    this.#quarantine = new Quarantine({ settings, gathering, outgoing, applying, roles, reads, bodies, copying });
    this.writer = this.#newWriter(recovered);
    this.incoming = this.#newIncoming();
    this.#takeUp();
  }

  #recover(): Recovered {
    const { self, tree, store, bodies, shardCount, configurationOf } = this.#o;
    const recovered = recover({
      tree,
      store,
      bodies,
      shardCount,
      configurationOf,
      isWitness: ({ witness }) => witness === self,
      changed: (shard) => this.checkpoints.changed(shard),
    });
    this.checkpoints.appliedBatch = recovered.appliedBatch;
    return recovered;
  }

  /** What was under way when the node stopped. */
  #takeUp(): void {
    const { gathering, copying, staging } = this;
    staging.recover();
    for (const group of this.groups) {
      const { installing } = group.mark;
      if (installing === null) continue;
      // Just now, since nobody knows where its log ended: it is said once, whatever is on disk of it.
      if (installing.isMute && !installing.isCleared) {
        gathering.truncate(group, logIndex(group.applied.index + 1));
        gathering.giveUp(group, installing.base);
        gathering.marked(group);
      }
      copying.begin(group, installing.from);
    }
  }

  #read(group: HostedGroup, token: number): void {
    const { refused } = this.stepping.step(group, { kind: 'read', token });
    if (refused === null) return;
    this.reads.refused(token);
    this.#calls.wake();
  }

  #time(due: readonly HostedGroup[]): void {
    for (const group of due) this.stepping.step(group, { kind: 'time' });
  }

  #refused(from: NodeId, error: unknown): void {
    this.#o.refusedFrame?.(from, error);
  }

  #newApplying(): Applying {
    const { store, bodies } = this.#o;
    return new Applying({
      store,
      bodies,
      gathering: this.gathering,
      checkpoints: this.checkpoints,
      cache: this.#cache,
      hashes: this.#hashes,
      applied: (group, upTo) => {
        this.roles.applied(group, upTo);
        this.reads.applied(group);
        this.copying.applied(group);
      },
    });
  }

  #newStepping(): Stepping {
    const { clock, bodies, limits } = this.#o;
    return new Stepping({
      clock,
      bodies,
      gathering: this.gathering,
      outgoing: this.outgoing,
      applying: this.applying,
      cache: this.#cache,
      roles: this.roles,
      reads: () => this.reads,
      wakes: () => this.wakes,
      copies: () => this.copying,
      bodyInlineBytesMax: limits.bodyInlineBytesMax,
    });
  }

  #newIntake(): AppendIntake {
    return new AppendIntake({
      bodies: this.#o.bodies,
      staging: this.staging,
      step: (group, from, message) => {
        const hearsLeader = this.hearing.hearsLeader(group);
        this.stepping.step(group, { kind: 'message', from, message, hearsLeader });
      },
      want: (from, wanted) => this.fetching.want(from, wanted),
      refused: (from, error) => this.#refused(from, error),
    });
  }

  #newFetching(): BodyFetching {
    const { store, clock } = this.#o;
    return new BodyFetching({
      store,
      staging: this.staging,
      gathering: this.gathering,
      outgoing: this.outgoing,
      clock,
      inMemory: (hash) => broughtBody(this.groups, hash),
      arrived: (hash, isHere) => {
        if (!isHere) this.intake.gaveUp(hash);
        this.intake.arrived();
        this.copying.arrived(hash, isHere);
      },
      wake: this.#calls.wake,
    });
  }

  #newCopying(): CopyReceiving {
    const { store, bodies, clock } = this.#o;
    return new CopyReceiving({
      store,
      bodies,
      staging: this.staging,
      gathering: this.gathering,
      outgoing: this.outgoing,
      applying: this.applying,
      clock,
      want: (from, wanted) => this.fetching.want(from, wanted),
      installed: (group) => void this.stepping.step(group, { kind: 'installed' }),
      wake: this.#calls.wake,
    });
  }

  #newWriter({ batches: recovered, nextBatch }: Recovered): Writer {
    const { tree, store, bodies, clock, limits, writing, observe, fatal } = this.#o;
    const { groups, gathering, checkpoints, outgoing, staging, stepping, applying } = this;
    const batches = recovered.map(({ batch, entries }) => ({
      batch,
      entries: entries.map(([shard, entry]) => ({ group: groups[shard]!, entry })),
    }));
    const kept = this.#o.batchesKept ?? batchesKept;
    const compaction = new Compaction(batches, { checkpoints, gathering, cache: this.#cache, batchesKept: kept });
    return new Writer({
      tree,
      store,
      bodies,
      staging,
      clock,
      gathering,
      checkpoints,
      compaction,
      groups,
      nextBatch,
      groupCommitBytesMax: limits.groupCommitBytesMax,
      writing: writing ?? (() => undefined),
      observe,
      durable: (entries, order) => {
        for (const group of persisted(entries)) settleDurable(group, stepping, applying);
        outgoing.durable(order);
      },
      compacted: (upTo) => {
        for (const [group, index] of upTo) stepping.step(group, { kind: 'compacted', upTo: index });
      },
      written: this.#calls.written,
      fatal,
    });
  }

  #newIncoming(): Incoming {
    return new Incoming({
      groups: this.groups,
      messagesMax: this.#o.limits.frameMessagesMax,
      stepping: this.stepping,
      hearing: this.hearing,
      intake: this.intake,
      fetching: this.fetching,
      copying: this.copying,
      giving: this.giving,
      hashes: this.#hashes,
      outgoing: this.outgoing,
      quarantine: (group) => this.#quarantine.reinstall(group),
      event: this.#calls.event,
      refused: (from, error) => this.#refused(from, error),
    });
  }
}

/** Notes what is durable. @returns the groups, once each */
function persisted(entries: readonly GatheredEntry[]): Iterable<HostedGroup> {
  const groups = new Set<HostedGroup>();
  for (const { group, entry } of entries) {
    groups.add(group);
    // It was truncated while it was on its way to the disk.
    if (group.entry(entry.index) === entry && entry.index > group.durable) group.durable = entry.index;
  }
  return groups;
}

function settleDurable(group: HostedGroup, stepping: Stepping, applying: Applying): void {
  const { durable, raft } = group;
  const { damagedFrom } = raft;
  if (damagedFrom !== null) {
    const next = group.notApplied.find(({ kind, batch }) => kind === 'data' && batch === 0);
    if (next === undefined || next.index > damagedFrom) {
      stepping.step(group, { kind: 'repaired', damagedFrom: next?.index ?? null });
    }
  }
  const term = raft.termAt(durable);
  if (term !== null) stepping.step(group, { kind: 'persisted', upTo: { index: logIndex(durable), term } });
  // What was known to be committed before it was durable here.
  applying.apply(group);
}

/** Of an entry that is not applied yet. Rare: a follower lacks a large body that has just come. */
function broughtBody(groups: readonly HostedGroup[], hash: string): Uint8Array | undefined {
  for (const group of groups) {
    for (const { payload } of group.notApplied) {
      const body = payload?.bodies.find((of) => of.hash === hash);
      if (body !== undefined) return body.bytes;
    }
  }
  return undefined;
}
