/**
 * One group, as far as liveness needs it, and the verdict on it: is there a living leader?
 *
 * A leader is heard while its node is alive (it answers my pings), had no need to hand over, and claims the group at my
 * term or a later one. What Raft has just learned (an append of the leader's) is a claim too, until the node has
 * answered a later ping of mine and its claims lack the group: ordered by ping numbers, not by any clock.
 */
import type { NodeId, ShardId, Term } from '../../runtime/base/ids.ts';
import type { Peer } from './peer.ts';
import type { GroupRole } from './protocol.ts';

export interface Group {
  readonly id: ShardId;
  candidates: readonly NodeId[];
  is: GroupRole;
  /** Raft has told a role at all. */
  isTold: boolean;
  /** The last leader that Raft named. A campaign that failed names it again, which is no news. */
  learned: Learned | null;
  /** Somebody else is being elected: left alone until then. */
  holdUntilMs: number;
  /** When this replica's own candidacy may be begun anew. */
  candidateUntilMs: number;
  /** Set while no leader is heard. */
  want: Want | null;
}

export interface Learned {
  readonly leader: NodeId;
  readonly term: Term;
  /** The last ping sent to the node by then. */
  readonly seq: number;
  /** Of the node by then: an append of its former life is no claim of the present one. */
  readonly restarts: number;
  readonly atMs: number;
}

/** In want of a leader. All times in own time. */
export interface Want {
  /** Since when it is not clear that nobody leads; null: it is clear. */
  unclearSinceMs: number | null;
  /** Null: not known yet. */
  dueAtMs: number | null;
  campaigns: number;
  /** The next retry is not due before. */
  notBeforeMs: number;
}

export type Verdict =
  | { readonly kind: 'led'; readonly by: NodeId }
  /** Nobody is heard, but somebody who may lead it has not told yet. `isHeard`: the known leader is among those. */
  | { readonly kind: 'unclear'; readonly isHeard: boolean }
  | { readonly kind: 'leaderless' };

const leaderless: Verdict = { kind: 'leaderless' };

/** Costs a few look-ups for each voter. Marks the peers whose next answer may change an unclear verdict. */
export function verdictOn(group: Group, self: NodeId, peers: ReadonlyMap<NodeId, Peer>): Verdict {
  const { role, leader, term } = group.is;
  if (role === 'leader') return { kind: 'led', by: self };
  let isUnclear = false;
  let isHeard = false;
  const judge = (node: NodeId): boolean => {
    const peer = peers.get(node);
    if (peer === undefined || peer.status === 'suspect' || peer.isGivenUp) return false;
    const claimed = peer.claims.termOf(group.id);
    if (peer.isAlive && claimed !== undefined && claimed >= term) return true;
    if (peer.isAlive && peer.shownSeq > (node === leader ? (group.learned?.seq ?? 0) : 0)) return false;
    peer.isAwaited = true;
    isUnclear = true;
    isHeard ||= node === leader && peer.isAlive && group.learned?.restarts === peer.restarts;
    return false;
  };
  // Who leads it may have left the configuration a moment ago, so it is asked apart from the candidates.
  if (leader !== null && judge(leader)) return { kind: 'led', by: leader };
  for (const node of group.candidates) {
    if (node !== leader && judge(node)) return { kind: 'led', by: node };
  }
  return isUnclear ? { kind: 'unclear', isHeard } : leaderless;
}

/** How many living candidates come before `self` in the preference list. */
export function rankOf(group: Group, self: NodeId, peers: ReadonlyMap<NodeId, Peer>): number {
  let rank = 0;
  for (const node of group.candidates) {
    if (node === self) break;
    if (peers.get(node)?.isCandidate === true) rank++;
  }
  return rank;
}
