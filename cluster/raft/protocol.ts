/**
 * All that goes into the Raft core of one group and all that comes out of it.
 *
 *                        +-------------------- host (groups/) --------------------+
 *     proposals, reads ->|  event -> step(group, event) -> effects                |-> one transaction a turn
 *     msgs from peers  ->|  the host persists, then sends what waited for it,     |-> msgs to peers
 *     liveness         ->|  and tells what is durable by the next event           |-> commits, role changes
 *                        +--------------------------------------------------------+
 *
 * Promises asked of the host:
 * - `hardState`, `truncateFrom`, `append` and `snapshot` of one step become durable together, in the order of steps;
 * - a msg with `waits` leaves only after they are; msgs to one peer leave in the order in which they were handed out;
 * - `persisted` is told when appended entries are durable, never before.
 *
 * Leaves to others: when a leader is suspect (`liveness/`), what entries hold, disk, network, clock, chance.
 *
 * Sources: Ongaro, "Consensus: Bridging Theory and Practice" (2014), cited as [R §n] throughout this folder.
 */
import type { LogIndex, NodeId, Term } from '../../runtime/base/ids.ts';

/** Where a log ends, or any place in it. Index 0 with term 0 is the place before the first entry. */
export interface Position {
  readonly index: LogIndex;
  readonly term: Term;
}

/** [R §4.1] One voter more or less at a time, so that old and new majorities always meet. */
export interface Configuration {
  readonly voters: readonly NodeId[];
  /** [R §4.2.1] They get the log and do not vote. */
  readonly learners: readonly NodeId[];
  /** One of `voters`, which holds positions and no entries (plan §8). */
  readonly witness: NodeId | null;
}

/** What the core knows of an entry. What it holds (`payload`) is the host's business and never looked at. */
export interface EntryHead {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: 'noop' | 'data' | 'configuration';
  /** Of the payload, for the byte window. */
  readonly bytes: number;
  /** Of a `configuration` entry; else null. */
  readonly configuration: Configuration | null;
}

/** As it is appended: `payload` is what the proposal or the msg brought; null of a no-op, a configuration, or at a witness. */
export interface Entry extends EntryHead {
  readonly payload: unknown;
}

/** Must be durable before any msg that rests on it [R §3.8]. */
export interface HardState {
  readonly term: Term;
  readonly votedFor: NodeId | null;
}

/** What a group starts from: that of a new group, or what its disk says. */
export interface Restored {
  readonly self: NodeId;
  readonly hardState: HardState;
  /** What was compacted away ends here; that of a new group is 0/0. */
  readonly base: Position;
  /** In force at `base`. */
  readonly configuration: Configuration;
  /** Heads of the kept entries, from `base.index` + 1 on, without a gap. */
  readonly entries: readonly EntryHead[];
  /** Known to be committed: `base.index` at least. */
  readonly committed: LogIndex;
  /**
   * The state at `base` is being copied and is not whole: this replica does not campaign and its acks do not count. It votes
   * by `base`, so all that it acked while it was whole has to lie at or before that. A host that gives up a state by itself
   * cannot promise it, and gives no votes until `installed`.
   */
  readonly isInstalling: boolean;
  /**
   * The first entry whose bytes are lost (a rotten disk). Its head is known, so the log ends where it ends and votes are
   * given by that; but it never campaigns, and acks and asks only for what is before, until the leader has repaired it.
   */
  readonly damagedFrom: LogIndex | null;
}

export interface Settings {
  /** Bytes of entries on their way to one follower before its acks. */
  readonly windowBytesMax: number;
  /** Bytes of entries of one msg. */
  readonly appendBytesMax: number;
  /** Without an answer, what was asked (a vote, a probe, a read round) is asked again after this. */
  readonly retryMs: number;
  /** A transfer that takes longer is given up [R §3.10]. */
  readonly transferMsMax: number;
}

export type RaftEvent =
  /** Leader only: others get `refused`. */
  | { readonly kind: 'propose'; readonly entries: readonly { readonly bytes: number; readonly payload: unknown }[] }
  | { readonly kind: 'changeConfiguration'; readonly change: ConfigurationChange }
  /** ReadIndex [R §6.4]: answered in `reads` once a majority has confirmed that this node still leads. */
  | { readonly kind: 'read'; readonly token: number }
  /** `hearsLeader`: the host hears a living leader of the group (liveness: it answers pings and claims the group). */
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: RaftMessage; readonly hearsLeader: boolean }
  /** All entries appended up to this one are durable here. */
  | { readonly kind: 'persisted'; readonly upTo: Position }
  /** Liveness has it that there is no leader, and this replica's turn has come (delay by rank is the host's). */
  | { readonly kind: 'campaign' }
  /** A living peer claims to lead in `term`: a follower that has just started learns its leader without a msg. */
  | { readonly kind: 'claimed'; readonly leader: NodeId; readonly term: Term }
  /** The node is suspect or is not any more. A leader without a majority of living voters steps down [R §6.2]. */
  | { readonly kind: 'alive'; readonly node: NodeId; readonly isAlive: boolean }
  /** The connection to the peer is new: what was on its way may be lost. */
  | { readonly kind: 'linkReset'; readonly node: NodeId }
  /** [R §3.10] Leadership is to go to this voter. */
  | { readonly kind: 'transfer'; readonly to: NodeId }
  /** Leader: what the host has sent of a snapshot is installed over there, or could not be. */
  | { readonly kind: 'snapshotSent'; readonly to: NodeId; readonly isInstalled: boolean }
  /** Follower: the copy that `installing` effects began is whole and durable. */
  | { readonly kind: 'installed' }
  /** The host has dropped the log up to here; all of it is applied. */
  | { readonly kind: 'compacted'; readonly upTo: LogIndex }
  /** The bytes of entries before `damagedFrom` were repaired; null: of all. Always more than is known to be whole. */
  | { readonly kind: 'repaired'; readonly damagedFrom: LogIndex | null }
  /** `wakeAtMs` has come. */
  | { readonly kind: 'time' };

export type ConfigurationChange =
  | { readonly kind: 'addLearner'; readonly node: NodeId }
  /** Refused unless it has caught up and is not installing. */
  | { readonly kind: 'promote'; readonly node: NodeId; readonly isWitness: boolean }
  | { readonly kind: 'remove'; readonly node: NodeId };

/** Every msg carries its sender's term [R §3.3]; a `preVote` and an answer that grants it, the term asked for [R §9.6]. */
export type RaftMessage =
  | {
      readonly kind: 'append';
      readonly term: Term;
      readonly previous: Position;
      /** The host adds payloads when it sends, and gives them back with the msg that it hands to `step`. */
      readonly entries: readonly Entry[];
      readonly committed: LogIndex;
    }
  | {
      readonly kind: 'appendAnswer';
      readonly term: Term;
      /** True: all entries up to `index` are durable here and equal to the leader's. */
      readonly isTaken: boolean;
      /** Taken: the last one that is equal. Refused: where the leader should look next, with the term found there. */
      readonly at: Position;
      /** Of what was refused (`append.previous.index`), so that late refusals are told apart. */
      readonly refused: LogIndex | null;
      /** The state below is not whole: the leader counts it neither for a commit nor as caught up. */
      readonly isInstalling: boolean;
    }
  | { readonly kind: 'preVote'; readonly term: Term; readonly last: Position }
  | {
      readonly kind: 'preVoteAnswer';
      readonly term: Term;
      readonly isGranted: boolean;
      /** Of who answers: a candidate with a shorter log wakes the one with the longer. */
      readonly last: Position;
    }
  /** `isTransfer`: asked for by the leader itself, so hearing it is no reason to refuse. */
  | { readonly kind: 'vote'; readonly term: Term; readonly last: Position; readonly isTransfer: boolean }
  | { readonly kind: 'voteAnswer'; readonly term: Term; readonly isGranted: boolean; readonly last: Position }
  /** You would win where I cannot: campaign now, if you hear no leader. */
  | { readonly kind: 'wake'; readonly term: Term }
  | { readonly kind: 'timeoutNow'; readonly term: Term }
  | { readonly kind: 'readProbe'; readonly term: Term; readonly round: number }
  | { readonly kind: 'readAnswer'; readonly term: Term; readonly round: number }
  /** The log that you need is gone: take the state. The host brings it; entries behind `base` follow at once. */
  | {
      readonly kind: 'install';
      readonly term: Term;
      readonly base: Position;
      readonly configuration: Configuration;
      readonly committed: LogIndex;
    };

export interface Outgoing {
  readonly to: NodeId;
  readonly message: RaftMessage;
  /** It says something of this step's or an earlier step's durable state: it leaves after the transaction. */
  readonly waits: boolean;
}

export type Role = 'follower' | 'preCandidate' | 'candidate' | 'leader';

export interface Refusal {
  readonly event: 'propose' | 'changeConfiguration' | 'read' | 'transfer';
  readonly reason:
    | 'notLeader'
    | 'transferring'
    /** Also: a leader whose own term has no committed entry yet changes nothing (Ongaro, raft-dev 2015). */
    | 'changePending'
    | 'notCaughtUp'
    | 'noSuchNode'
    /** Added or promoted before; or there is a witness already. */
    | 'alreadyThere'
    /** The last voter, or the last that holds mail; or of the voters left no majority lives. */
    | 'lastVoter';
}

/** What is to be done, in this order. Fields that ask for nothing are null or empty. */
export interface Effects {
  readonly hardState: HardState | null;
  /** Entries from here on are gone before `append` begins. */
  readonly truncateFrom: LogIndex | null;
  readonly append: readonly Entry[];
  /** Follower: forget the state, begin a copy that starts from here, durably marked as not whole until `installed`. */
  readonly installing: { readonly from: NodeId; readonly base: Position; readonly configuration: Configuration } | null;
  readonly messages: readonly Outgoing[];
  /** All entries up to this one are committed: those that are durable here may be applied, the others once they are. */
  readonly committed: LogIndex | null;
  /**
   * Set when role, term or leader changed. `serves`: leader, and its no-op is committed. A lone voter is a candidate until
   * its term is durable: what is told here may be claimed at once.
   */
  readonly role: RoleChange | null;
  readonly reads: readonly { readonly token: number; readonly index: LogIndex }[];
  /** Reads that can no longer be confirmed here: ask again elsewhere. */
  readonly readsLost: readonly number[];
  /** Leader: this follower needs a snapshot, whose log goes on behind `base`. The host keeps the log from there on. */
  readonly snapshotFor: { readonly to: NodeId; readonly base: Position } | null;
  readonly refused: Refusal | null;
}

export interface RoleChange {
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | null;
  readonly serves: boolean;
}
