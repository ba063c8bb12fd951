/** Puts the parts of a host together. They call each other in a circle, so each is handed functions that look up the other. */
import { logIndex, type NodeId } from '../../runtime/base/ids.ts';
import { AppendIntake } from './append-intake.ts';
import { Applying } from './applying.ts';
import { BodyFetching } from './body-fetching.ts';
import { BodyStaging } from './body-staging.ts';
import { Checkpoints } from './checkpoints.ts';
import { batchesKept, Compaction } from './compaction.ts';
import { CopyReceiving } from './copy-receiving.ts';
import { CopySending } from './copy-sending.ts';
import { EntryCache } from './entry-cache.ts';
import { Gathering } from './gathering.ts';
import { type HostOptions, settingsOf } from './host-options.ts';
import type { HostedGroup } from './hosted-group.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';
import { settlePersisted } from './persisted.ts';
import { ReadRounds } from './read-rounds.ts';
import { Quarantine } from './quarantine.ts';
import { recover, type Recovered } from './recovery.ts';
import { restoreReplicas } from './restoring.ts';
import { Roles } from './roles.ts';
import { StateHashes } from './state-hashes.ts';
import { Stepping } from './stepping.ts';
import { Wakes } from './wakes.ts';
import { Writer } from './writer.ts';

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
    const settings = settingsOf(options);
    const dropped: string[] = [];
    this.groups = restoreReplicas(recovered, {
      ...{ self, cache: this.#cache, settings },
      dropped: (hashes) => dropped.push(...hashes),
    });
    for (const { entries } of this.groups) {
      for (const { hashes } of entries) for (const hash of hashes) bodies.entryKept(hash);
    }
    for (const hash of dropped) {
      bodies.entryKept(hash);
      gathering.add(bodies.entryReleases(hash));
    }
    const outgoing = new Outgoing(transport, limits);
    this.outgoing = outgoing;
    this.staging = new BodyStaging({ tree, bodies, gathering, clock, wake: calls.wake });
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
    this.giving = new CopySending({
      ...{ store, outgoing, clock },
      rotten: (group, key) => {
        options.rotten?.(group.shard, key);
        this.#quarantine.rotten(group);
      },
    });
    const { applying, roles, reads, copying } = this;
    this.#quarantine = new Quarantine({
      settings,
      gathering,
      outgoing,
      applying,
      roles,
      reads,
      bodies,
      copying,
      watch: options.watch,
    });
    this.writer = this.#newWriter(recovered);
    this.incoming = this.#newIncoming();
    this.#takeUp(recovered);
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
  #takeUp({ givenUp, ops }: Recovered): void {
    const { gathering, copying, staging } = this;
    for (const op of ops) gathering.direct(op);
    staging.recover();
    for (const group of this.groups) {
      const { installing } = group.mark;
      if (installing === null) continue;
      if (givenUp.has(group.shard)) {
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
        this.#o.watch?.applied?.(group.shard);
      },
    });
  }

  #newStepping(): Stepping {
    const { clock, bodies, limits } = this.#o;
    return new Stepping({
      watch: this.#o.watch,
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

  #want(group: HostedGroup, from: NodeId, hashes: readonly string[]): void {
    const { voters, learners, witness } = group.raft.configuration;
    const { self, transport } = this.#o;
    const others = [...voters, ...learners].filter(
      (node) => node !== self && node !== from && node !== witness && transport.isLinked(node),
    );
    this.fetching.want(from, hashes, others);
  }

  #newIntake(): AppendIntake {
    return new AppendIntake({
      bodies: this.#o.bodies,
      staging: this.staging,
      step: (group, from, message) => {
        const hearsLeader = this.#o.hearsLeader(group.shard);
        this.stepping.step(group, { kind: 'message', from, message, hearsLeader });
      },
      want: (group, from, wanted) => this.#want(group, from, wanted),
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
      groups: this.groups,
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
      want: (group, from, wanted) => this.#want(group, from, wanted),
      installed: (group) => {
        this.stepping.step(group, { kind: 'installed' });
        this.#o.watch?.applied?.(group.shard);
      },
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
        settlePersisted(entries, stepping, applying);
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
      hearsLeader: this.#o.hearsLeader,
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
