/**
 * The host of many Raft groups over one store: a replica of each shard, one transaction a loop turn for all of them.
 *
 * Promises: nothing that promises durability leaves before its transaction; entries are applied once, in order, when they
 * are committed and durable here; an idle group costs nothing; a write that fails, or a broken promise, ends the node.
 * On a lone node every shard is a group with one voter: same path.
 *
 * Leaves to others: who is alive and when to campaign (`liveness/`), which node holds which shard (`placement/`), what
 * entries mean (the engine). The parts and one turn are drawn in README.md.
 */
import type { Commit, RoleEvents, ShardLog, WriteSet } from '../../runtime/actor/log.ts';
import type { Copies } from '../../runtime/actor/request.ts';
import type { LogIndex, NodeId, ShardId, Term } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { ConfigurationChange, Position, RaftEvent, Refusal } from '../raft/protocol.ts';
import { HostParts } from './assembly.ts';
import type { HostOptions } from './host-options.ts';
import type { HostedGroup } from './hosted-group.ts';
import { payloadOf } from './payload.ts';
import { type GroupStatus, statusOf } from './status.ts';

export class GroupHost implements ShardLog {
  readonly #o: HostOptions;
  readonly #parts: HostParts;
  readonly #groups: readonly HostedGroup[];
  #isWakeAsked = false;
  #isStopped = false;
  #idle: (() => void)[] = [];

  /** @throws {OperationError} `entryDamaged`, `logDamaged`: a lone voter cannot mend its disk */
  constructor(options: HostOptions) {
    this.#o = options;
    this.#parts = new HostParts(options, {
      event: (act) => this.#event(act),
      wake: () => this.#wake(),
      written: () => {
        this.#tell();
        this.flush();
      },
    });
    this.#groups = this.#parts.groups;
    options.transport.listen(this.#parts.incoming);
    const alone = this.#groups.filter((group) => group.isAlone).map(({ shard }) => shard);
    if (alone.length > 0) this.campaign(alone);
    this.#wake();
  }

  // ---- the engine's port -----------------------------------------------------------------------------------------

  term(shard: ShardId): Term {
    return this.#group(shard).raft.term;
  }

  serves(shard: ShardId): boolean {
    return this.#group(shard).isServed;
  }

  onRole(events: RoleEvents): void {
    this.#parts.roles.onRole(events, this.#groups);
  }

  onCommitted(listener: (commits: readonly Commit[]) => void): void {
    this.#parts.roles.onCommitted(listener);
  }

  confirm(shard: ShardId, done: (isLeader: boolean) => void): void {
    const group = this.#group(shard);
    const isServed = group.isServed && group.servesFrom !== null;
    if (!isServed || group.isAlone) return done(isServed);
    this.#parts.reads.confirm(group, done);
    this.#wake();
  }

  copies(shard: ShardId, index: LogIndex): Copies {
    const { raft, durable } = this.#group(shard);
    const { voters, witness } = raft.configuration;
    let have = durable >= index ? 1 : 0;
    for (const { node, match } of raft.followers.values()) {
      if (match >= index && node !== witness && voters.includes(node)) have++;
    }
    return [have, voters.length - (witness === null ? 0 : 1)];
  }

  lastIndex(shard: ShardId): LogIndex {
    return this.#group(shard).last;
  }

  committedIndex(shard: ShardId): LogIndex {
    return this.#group(shard).applied.index;
  }

  lastTimeMs(shard: ShardId): number {
    return this.#group(shard).lastTimeMs;
  }

  get pendingBytes(): number {
    return this.#parts.applying.pendingBytes;
  }

  append(shard: ShardId, writeSet: WriteSet): LogIndex {
    const group = this.#group(shard);
    invariant(group.isServed && group.servesFrom !== null, 'only a shard that is served gets entries');
    invariant(writeSet.timeMs > group.lastTimeMs, 'entry time strictly grows per shard');
    const payload = payloadOf(writeSet);
    const inline = payload.inlineBytes(this.#o.limits.bodyInlineBytesMax);
    const entries = [{ bytes: payload.rowBytes + inline, payload }];
    const { refused } = this.#parts.stepping.step(group, { kind: 'propose', entries });
    invariant(refused === null, 'a leader that serves takes entries');
    const index = group.last;
    const kept = group.entry(index);
    if (kept !== undefined && index > group.applied.index) {
      kept.pendingBytes = payload.rowBytes + payload.bodyBytes;
      this.#parts.applying.pendingBytes += kept.pendingBytes;
    }
    return index;
  }

  flush(): void {
    const { reads, stepping, outgoing, gathering, writer } = this.#parts;
    if (this.#isStopped) return;
    reads.flush();
    stepping.flush();
    if (!gathering.hasWork && !writer.isWriting) outgoing.durable(gathering.order);
    // Before the disk: followers write while this node does [R §10.2.1].
    outgoing.flush();
    if (!writer.write()) for (const done of this.#idle.splice(0)) done();
  }

  /** Settles when nothing is pending here and all that is applied is in the tree. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.checkpoints.hurry();
      this.#idle.push(resolve);
      this.flush();
    });
  }

  /** Hears and says nothing any more; what is on its way to the disk gets there. */
  stop(): void {
    this.#isStopped = true;
    this.#parts.wakes.stop();
    this.#parts.fetching.stop();
    this.#parts.copying.stop();
    this.#parts.staging.stop();
  }

  // ---- liveness --------------------------------------------------------------------------------------------------

  /** The node is suspect, or is not any more. */
  alive(node: NodeId, isAlive: boolean): void {
    this.#event(() => {
      for (const group of this.#groups) {
        if (group.hasMember(node)) this.#parts.stepping.step(group, { kind: 'alive', node, isAlive });
      }
    });
  }

  /** All that the node claims to lead, in which terms. */
  claimed(node: NodeId, claims: readonly (readonly [ShardId, Term])[]): void {
    this.#event(() => {
      for (const [shard, term] of claims) {
        const group = this.#groups[shard];
        if (group === undefined || (group.raft.leader === node && group.raft.term === term)) continue;
        this.#parts.stepping.step(group, { kind: 'claimed', leader: node, term });
      }
    });
  }

  /** All in one turn: one frame a peer, one transaction of votes. */
  campaign(shards: readonly ShardId[]): void {
    this.#event(() => {
      for (const shard of shards) this.#parts.stepping.step(this.#group(shard), { kind: 'campaign' });
    });
  }

  /** Who leads the shard, as far as this replica knows. */
  leader(shard: ShardId): NodeId | null {
    return this.#group(shard).raft.leader;
  }

  /** Whether there is a whole replica of the shard here, so that its state may be read. */
  holds(shard: ShardId): boolean {
    const { raft, isWitness } = this.#group(shard);
    const { voters, learners } = raft.configuration;
    return !raft.isInstalling && !isWitness && [...voters, ...learners].includes(this.#o.self);
  }

  /** Age of the write that this node's disk works on: for liveness, whose pings prove work. */
  get writingMs(): number {
    return this.#parts.writer.writingMs;
  }

  /** What this node leads, also while it does not serve yet. */
  claims(): readonly (readonly [ShardId, Term])[] {
    return this.#groups
      .filter(({ raft }) => raft.role === 'leader' && !raft.mustWait)
      .map(({ shard, raft }) => [shard, raft.term] as const);
  }

  // ---- placement and operators -----------------------------------------------------------------------------------

  /** @param done null: it is in the leader's log, on its way; else why not */
  changeConfiguration(shard: ShardId, change: ConfigurationChange, done: (refused: Refusal | null) => void): void {
    this.#ask(shard, { kind: 'changeConfiguration', change }, done);
  }

  /** Leadership is to go to another voter; meanwhile the shard is not served here. */
  transfer(shard: ShardId, to: NodeId, done: (refused: Refusal | null) => void): void {
    this.#ask(shard, { kind: 'transfer', to }, done);
  }

  /** Which entries of the shard are kept here. */
  places(shard: ShardId): readonly Position[] {
    return this.#group(shard).entries;
  }

  status(): readonly GroupStatus[] {
    return this.#groups.map(statusOf);
  }

  /** Of one replica: cheaper than all, for whoever looks often. */
  statusOf(shard: ShardId): GroupStatus {
    return statusOf(this.#group(shard));
  }

  #ask(shard: ShardId, event: RaftEvent, done: (refused: Refusal | null) => void): void {
    let refused: Refusal | null = null;
    this.#event(() => {
      ({ refused } = this.#parts.stepping.step(this.#group(shard), event));
    });
    done(refused);
  }

  #group(shard: ShardId): HostedGroup {
    const group = this.#groups[shard];
    invariant(group !== undefined, 'a shard that exists is asked for');
    return group;
  }

  /** Something that came in from outside, in a loop turn of its own. */
  #event(act: () => void): void {
    if (this.#isStopped) return;
    try {
      act();
      this.#tell();
    } catch (error) {
      this.#o.fatal(error);
      return;
    }
    this.#wake();
  }

  #tell(): void {
    const { roles, applying, reads } = this.#parts;
    roles.tell(applying.takeLessPending());
    reads.tell();
  }

  /** At the end of the turn, once, however much came in. */
  #wake(): void {
    if (this.#isWakeAsked || this.#isStopped) return;
    this.#isWakeAsked = true;
    this.#o.clock.soon(() => {
      this.#isWakeAsked = false;
      if (this.#isStopped) return;
      try {
        this.#tell();
        this.flush();
      } catch (error) {
        this.#o.fatal(error);
      }
    });
  }
}

export type { HostOptions } from './host-options.ts';
