/**
 * All that goes into the rules of liveness and all that comes out of them: which members live, what they lead, and
 * which groups this node should campaign for.
 *
 *      frames, links ->|                                             |-> pings and answers
 *      the host's    ->|  step(state, event, nowMs) -> effects       |-> alive, claimed, campaign (to the host)
 *      roles, time   ->|                                             |-> shouldLead (to whoever may move leaders)
 *
 * Leaves to others: elections themselves (`raft/`), packing frames (`mesh/`), moving leaders off (`groups/`).
 * What is decided here may start an election and pause optional work. It never changes a log or a configuration.
 */
import type { NodeId, ShardId, Term } from '../../runtime/base/ids.ts';
import type { RoleChange } from '../raft/protocol.ts';

/** A group that a node leads, and the term in which it does. */
export type Claim = readonly [group: ShardId, term: Term];

/** Names a set of claims: `version` counts its changes since the node started, `digest` shows that two sets are equal. */
export interface ClaimsHead {
  readonly version: number;
  readonly digest: number;
}

/** What has changed in the claims since version `since`. At version 0 a node claims nothing, so `since: 0` is the whole. */
export interface ClaimsNews {
  readonly since: number;
  readonly claimed: readonly Claim[];
  readonly dropped: readonly ShardId[];
}

/** A ping proves work, not breath: what every ping and answer says of its sender. */
export interface SenderFacts {
  /** Counts the starts of the node. What an older life says is ignored. */
  readonly incarnation: number;
  /** The sender's wall clock. */
  readonly wallMs: number;
  /** Age of the oldest write that its own disk has not made durable yet; 0 when none is pending. */
  readonly commitMs: number;
  /** How long Raft's work has waited for a turn of its loop; 0 when none waits. */
  readonly turnMs: number;
  /** False: it knows of itself that it should lead nothing. */
  readonly isFit: boolean;
  readonly claims: ClaimsHead;
}

export interface Ping extends SenderFacts {
  readonly kind: 'ping';
  readonly seq: number;
  /** Resent until an answer says that it is held. */
  readonly news: ClaimsNews | null;
}

export interface PingAnswer extends SenderFacts {
  readonly kind: 'pingAnswer';
  /** Whose ping is answered: a node that restarted takes no answer that its former life asked for. */
  readonly to: { readonly incarnation: number; readonly seq: number };
  /** The version of the asker's claims that is held here; null: tell me the whole. */
  readonly holds: number | null;
}

/** What the host tells of its own replica of a group. */
export type GroupRole = Pick<RoleChange, 'role' | 'term' | 'leader'>;

export type LivenessEvent =
  /** The committed members; this node may be among them. */
  | { readonly kind: 'members'; readonly nodes: readonly NodeId[] }
  | { readonly kind: 'linked'; readonly node: NodeId }
  | { readonly kind: 'unlinked'; readonly node: NodeId }
  /** There is no link, and an attempt to connect was refused: nobody listens over there. */
  | { readonly kind: 'linkRefused'; readonly node: NodeId }
  | { readonly kind: 'received'; readonly from: NodeId; readonly frame: unknown }
  /** `candidates`: voters that may lead, in the order of the group's preference list (so, not the witness). */
  | { readonly kind: 'replicas'; readonly group: ShardId; readonly candidates: readonly NodeId[] }
  | { readonly kind: 'role'; readonly group: ShardId; readonly is: GroupRole }
  /** There is no replica of the group here any more. */
  | { readonly kind: 'forget'; readonly group: ShardId }
  /** The loop turn in which `members`, `replicas`, `role` and `forget` came is over: they are judged together. */
  | { readonly kind: 'settle' }
  /** `wakeAtMs` has come. `commitMs` and `turnMs` as in `SenderFacts`, measured here. */
  | { readonly kind: 'time'; readonly wallMs: number; readonly commitMs: number; readonly turnMs: number };

export type LivenessEffect =
  | { readonly kind: 'send'; readonly to: NodeId; readonly frame: Ping | PingAnswer }
  | { readonly kind: 'alive'; readonly node: NodeId; readonly isAlive: boolean }
  /** All that a living peer claims, told when it comes alive and whenever that changes; nothing of one that is given up. */
  | { readonly kind: 'claimed'; readonly node: NodeId; readonly claims: readonly Claim[] }
  /** All groups whose turn has come, in one batch. */
  | { readonly kind: 'campaign'; readonly groups: readonly ShardId[] }
  /** False: hand over what is led here, or step down; `reason` says why and what cures it. */
  | { readonly kind: 'shouldLead'; readonly shouldLead: boolean; readonly reason: string }
  /** A frame that a sound peer would not send; nothing of it was taken. */
  | { readonly kind: 'refused'; readonly node: NodeId; readonly reason: string };
