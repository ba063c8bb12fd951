/**
 * The state of one Raft group on one node. It is changed in place by `step` (`step.ts`) and by nobody else.
 *
 * Promises: no I/O, no clock, no chance; what is public here may be read between steps, e.g. for `status`.
 * Leaves to others: rules (one file each), and what must be durable when (the host, by `Effects`).
 */
import { type LogIndex, logIndex, type NodeId, type Term } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { LogHeads } from './log-heads.ts';
import type { Progress } from './progress.ts';
import type { Configuration, Position, RaftMessage, Restored, Role, Settings } from './protocol.ts';

/** [R §6.4] Reads wait for a round: one question to all voters, whether this node still leads. */
export interface ReadRounds {
  /** For the next round. */
  waiting: number[];
  round: number;
  /** Those of the round on its way; none: there is no round. */
  asked: number[];
  index: number;
  readonly confirmedBy: Set<NodeId>;
  dueAtMs: number | null;
}

export interface Transfer {
  readonly to: NodeId;
  readonly untilMs: number;
  isAsked: boolean;
}

export class RaftGroup {
  readonly self: NodeId;
  readonly settings: Settings;
  readonly log: LogHeads;
  term: Term;
  votedFor: NodeId | null;
  role: Role = 'follower';
  leader: NodeId | null = null;
  /** Leader, and an entry of its own term is committed. */
  serves = false;
  committedIndex: number;
  isInstalling: boolean;
  damagedFrom: LogIndex | null;
  /** When the host is to say `time`; null: never, nothing is owed. */
  wakeAtMs: number | null = null;

  // Below: for the files of this folder.
  /** Time of the step at hand. */
  nowMs = 0;
  /** All entries up to it are durable here. */
  durable: number;
  /** Who leads or led the term at hand, as far as it was seen here: there is never a second one [R §3.2]. */
  ledBy: NodeId | null = null;
  /** Follower: the log is known to equal the leader's up to here. */
  equalUpTo: number;
  readonly suspects = new Set<NodeId>();
  /** (Pre-)candidate: what was answered, by voter. */
  readonly votes = new Map<NodeId, boolean>();
  votesDueAtMs: number | null = null;
  /** Candidate: the leader itself asked for it, so that hearing that leader is no reason to refuse [R §3.10]. */
  isTransferVote = false;
  /** Leader: the other members, as a map to look up and as a list to walk. */
  readonly followers = new Map<NodeId, Progress>();
  others: readonly Progress[] = [];
  /** Of the configuration that `followers` was made for. */
  membersOf: Configuration | null = null;
  /** Leader: its no-op. What is behind it is of its own term. */
  firstOwnIndex = 0;
  /** Leader by its own vote alone: nobody else knows its term, so nothing leaves before that is durable. */
  wonAlone = false;
  readonly readRounds: ReadRounds = {
    waiting: [],
    round: 0,
    asked: [],
    index: 0,
    confirmedBy: new Set(),
    dueAtMs: null,
  };
  transfer: Transfer | null = null;
  /** The last append msg that was made, and the end that it was made for: followers at the same place share it. */
  sharedAppend: { readonly end: number; readonly message: Extract<RaftMessage, { kind: 'append' }> } | null = null;

  constructor(restored: Restored, settings: Settings) {
    this.self = restored.self;
    this.settings = settings;
    this.log = new LogHeads(restored.base, restored.configuration, restored.entries);
    this.term = restored.hardState.term;
    this.votedFor = restored.hardState.votedFor;
    this.committedIndex = restored.committed;
    this.isInstalling = restored.isInstalling;
    this.damagedFrom = restored.damagedFrom;
    this.durable = this.log.lastIndex;
    this.equalUpTo = this.committedIndex;
  }

  get committed(): LogIndex {
    return logIndex(this.committedIndex);
  }

  get lastPosition(): Position {
    return this.log.last;
  }

  get base(): Position {
    return this.log.base;
  }

  /** The newest in the log, committed or not [R §4.1]. */
  get configuration(): Configuration {
    return this.log.configuration;
  }

  get majority(): number {
    return Math.floor(this.log.configuration.voters.length / 2) + 1;
  }

  /** See `wonAlone`: nobody may hear of this leader yet, and its node must not claim the group. */
  get mustWait(): boolean {
    return this.role === 'leader' && this.wonAlone && this.durable < this.firstOwnIndex;
  }

  isVoter(node: NodeId): boolean {
    return this.log.configuration.voters.includes(node);
  }

  /** Leader: a change that is not committed yet. There is at most one [R §4.1]. */
  get isChanging(): boolean {
    return this.log.configurationIndex > this.committedIndex;
  }

  /** Null: compacted away, or not there yet. */
  termAt(index: LogIndex): Term | null {
    return this.log.termAt(index);
  }
}

/** A follower that knows no leader yet. */
export function restoreGroup(restored: Restored, settings: Settings): RaftGroup {
  const group = new RaftGroup(restored, settings);
  const { base, lastIndex } = group.log;
  invariant(restored.committed >= base.index, 'what was compacted was committed');
  invariant(restored.committed <= lastIndex, 'a restored log holds all that is known to be committed');
  invariant(restored.hardState.term >= group.log.lastTerm, 'no entry is newer than the term on disk');
  invariant(restored.damagedFrom === null || restored.damagedFrom > base.index, 'only kept entries are damaged');
  return group;
}
