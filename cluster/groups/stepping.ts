/**
 * Gives the core of a group an event and carries out what it answers.
 *
 *     event -> step -> truncations, entries, marks -> gathering       (durable with the next transaction)
 *                      msgs -> outgoing                               (at the end of the turn, or after it)
 *                      committed -> applying;  role -> roles;  reads -> read rounds;  copies -> copies
 *
 * Leaves to others: when the turn ends (`host.ts`), the transaction (`writer.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import { type LogIndex, logIndex, type NodeId, type ShardId } from '../../runtime/base/ids.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { Lane } from '../mesh/transport.ts';
import type {
  Configuration,
  Effects,
  Entry,
  Outgoing as OutgoingMessage,
  RaftEvent,
  RaftMessage,
  RoleChange,
} from '../raft/protocol.ts';
import { step } from '../raft/step.ts';
import type { Applying } from './applying.ts';
import { encodeEntries, type PackedEntries } from './entry-packing.ts';
import type { EntryCache } from './entry-cache.ts';
import type { Gathering } from './gathering.ts';
import type { HostedGroup, KeptEntry } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import { Payload } from './payload.ts';
import type { ReadRounds } from './read-rounds.ts';
import type { Roles } from './roles.ts';
import type { Wakes } from './wakes.ts';
import { encodeRaft } from './wire.ts';

/** Brings a copy of a state (`copy-receiving.ts`). Who is offered one asks for it by itself. */
export interface Copies {
  begin(group: HostedGroup, from: NodeId): void;
}

/** Told of replicas in the step that changes them, before its msgs leave: liveness must claim by then what they say. */
export interface GroupWatch {
  roleChanged(shard: ShardId, is: Pick<RoleChange, 'role' | 'term' | 'leader'>): void;
  /** The newest in the log, committed or not. */
  membersChanged(shard: ShardId, configuration: Configuration): void;
  /** The state of the shard is another one here; also where it is not led. */
  applied?(shard: ShardId): void;
}

export interface SteppingOptions {
  readonly watch: GroupWatch | undefined;
  readonly clock: Clock;
  readonly bodies: BodyTracker;
  readonly gathering: Gathering;
  readonly outgoing: Outgoing;
  readonly applying: Applying;
  readonly cache: EntryCache;
  readonly roles: Roles;
  readonly reads: () => ReadRounds;
  readonly wakes: () => Wakes;
  readonly copies: () => Copies;
  readonly bodyInlineBytesMax: number;
}

/** What is small and decides something goes past what is large. */
const controlKinds = new Set<RaftMessage['kind']>([
  'preVote',
  'preVoteAnswer',
  'vote',
  'voteAnswer',
  'wake',
  'timeoutNow',
  'readProbe',
  'readAnswer',
]);

export class Stepping {
  readonly #o: SteppingOptions;
  /** Entries that a follower needs and whose bytes are rotten here, though they are applied. */
  readonly #unreadable = new Map<HostedGroup, LogIndex>();
  /** Of the append that was packed last: the same msg goes to all followers that need the same. */
  #packed: { readonly message: RaftMessage; readonly isWitness: boolean; readonly of: PackedEntries } | undefined;

  constructor(options: SteppingOptions) {
    this.#o = options;
  }

  step(group: HostedGroup, event: RaftEvent): Effects {
    const { clock, wakes, watch } = this.#o;
    const { raft } = group;
    const { configuration } = raft;
    const effects = step(raft, event, clock.monotonicMs());
    if (effects.role !== null) watch?.roleChanged(group.shard, effects.role);
    if (raft.configuration !== configuration) watch?.membersChanged(group.shard, raft.configuration);
    this.#carry(group, effects);
    // While leadership is on its way to another node nothing is taken, so the shard is not served.
    if (raft.transfer !== null && group.servesFrom !== null) this.#serves(group, false);
    else if (raft.transfer === null && raft.serves && group.servesFrom === null) {
      this.#serves(group, true);
    }
    wakes().stepped(group);
    return effects;
  }

  #carry(group: HostedGroup, effects: Effects): void {
    const { gathering, reads, applying } = this.#o;
    const { hardState, truncateFrom, append, installing, messages, committed, role } = effects;
    if (hardState !== null) {
      group.mark = { ...group.mark, term: hardState.term, votedFor: hardState.votedFor };
      gathering.marked(group);
    }
    if (truncateFrom !== null && installing === null) this.#truncate(group, truncateFrom);
    for (const entry of append) this.#append(group, entry);
    if (installing !== null) this.#install(group, installing);
    for (const outgoing of messages) this.#send(group, outgoing);
    // Before the commits of the same step, which may be the next leader's.
    if (role?.serves === false) {
      this.#serves(group, false);
      for (const entry of group.notApplied) applying.notPending(entry);
    }
    if (committed !== null) {
      group.committed = committed;
      applying.apply(group);
    }
    if (role?.serves === true) this.#serves(group, true);
    if (effects.reads.length > 0 || effects.readsLost.length > 0) reads().answered(effects);
  }

  #serves(group: HostedGroup, serves: boolean): void {
    const { roles, reads } = this.#o;
    roles.changed(group, { serves });
    if (!serves) reads().lost(group);
  }

  #truncate(group: HostedGroup, from: LogIndex): void {
    const { gathering } = this.#o;
    const gone = group.truncate(from);
    gathering.truncate(group, from);
    for (const entry of gone) this.#letGo(entry);
  }

  #letGo(entry: KeptEntry): void {
    const { applying, bodies, gathering } = this.#o;
    applying.notPending(entry);
    for (const hash of entry.hashes) for (const op of bodies.entryReleases(hash)) gathering.row(op);
  }

  #append(group: HostedGroup, entry: Entry): void {
    const { bodies, gathering } = this.#o;
    const payload = entry.payload instanceof Payload ? entry.payload : null;
    const known = group.entry(entry.index);
    if (known !== undefined) {
      // Its bytes were lost here and come again; it stands where it stood.
      known.payload = payload;
      known.hashes = payload === null ? [] : payload.hashes;
      for (const hash of known.hashes) bodies.entryHolds(hash);
      gathering.append(group, known, true);
      return;
    }
    const { index, term, kind, bytes, configuration } = entry;
    const kept: KeptEntry = {
      index,
      term,
      previousTerm: group.entries.at(-1)?.term ?? group.raft.termAt(logIndex(index - 1)) ?? group.applied.term,
      kind,
      bytes,
      timeMs: payload === null ? group.lastTimeMs : payload.timeMs,
      hashes: payload === null ? [] : payload.hashes,
      configuration,
      sum: 0,
      batch: 0,
      payload,
      pendingBytes: 0,
    };
    // From now on, since the sweep of a group commit in between must not take a body that this entry found in the store.
    for (const hash of kept.hashes) bodies.entryHolds(hash);
    group.push(kept);
    gathering.append(group, kept);
  }

  /** The log begins anew behind `base`; the core kept what lies behind if it knew that place. */
  #install(group: HostedGroup, installing: NonNullable<Effects['installing']>): void {
    const { from, base, configuration } = installing;
    const { gathering, copies, applying } = this.#o;
    const underWay = group.mark.installing;
    // The same one again: a msg was lost, or came twice.
    if (underWay?.base.index === base.index && underWay.from === from) return copies().begin(group, from);
    if (group.raft.lastPosition.index === base.index && group.last > base.index) {
      for (const entry of group.entries.splice(Math.max(0, base.index + 1 - group.firstIndex))) this.#letGo(entry);
      gathering.truncate(group, logIndex(base.index + 1));
    }
    for (const entry of group.compact(base.index)) this.#letGo(entry);
    gathering.giveUp(group, base);
    group.beginCopy(from, base, configuration);
    applying.moved(group, 0);
    gathering.marked(group);
    copies().begin(group, from);
  }

  #send(group: HostedGroup, { to, message, waits }: OutgoingMessage): void {
    const { outgoing, gathering } = this.#o;
    let packed: PackedEntries = noEntries;
    if (message.kind === 'append' && message.entries.length > 0) {
      const found = this.#pack(group, to, message);
      // What cannot be read here any more, another replica has to give.
      if (found === null) return;
      packed = found;
    }
    const wire = encodeRaft(group.shard, message, packed.entries);
    const lane: Lane = controlKinds.has(message.kind) ? 'control' : 'log';
    if (waits || group.waitingMessages > 0) {
      outgoing.sendAfter(gathering.order, group, to, lane, wire, packed.bytes);
    } else outgoing.send(to, lane, wire, packed.bytes);
  }

  #pack(group: HostedGroup, to: NodeId, message: Extract<RaftMessage, { kind: 'append' }>): PackedEntries | null {
    const isWitness = group.raft.configuration.witness === to;
    if (this.#packed?.message === message && this.#packed.isWitness === isWitness) return this.#packed.of;
    const { cache, bodyInlineBytesMax } = this.#o;
    const { log } = group.raft;
    const isWitnessAt = (index: LogIndex): boolean => isWitness && log.configurationAt(index).witness === to;
    const of = encodeEntries(group, message.entries, { cache, isWitnessAt, bodyInlineBytesMax });
    if (of !== null) this.#packed = { message, isWitness, of };
    else this.#noteUnreadable(group, message.entries);
    return of;
  }

  /** The turn is over: what was packed is not kept longer, and what cannot be sent any more leaves the log. */
  flush(): void {
    this.#packed = undefined;
    if (this.#unreadable.size === 0) return;
    const unreadable = [...this.#unreadable];
    this.#unreadable.clear();
    for (const [group, index] of unreadable) {
      // In the tree it is whole, so a copy of the state brings what the log cannot.
      if (index < group.firstIndex || index > group.treeApplied) continue;
      for (const entry of group.compact(index)) this.#letGo(entry);
      this.step(group, { kind: 'compacted', upTo: index });
      for (const node of group.raft.followers.keys()) this.step(group, { kind: 'linkReset', node });
    }
  }

  #noteUnreadable(group: HostedGroup, heads: readonly Entry[]): void {
    for (const { index } of heads) {
      const kept = group.entry(index);
      if (kept?.kind !== 'data' || kept.payload !== null) continue;
      if (this.#o.cache.readBack(group, kept) === null) this.#unreadable.set(group, index);
    }
  }
}

const noEntries: PackedEntries = { entries: [], bytes: 0 };
