/**
 * The next act of a leader for one shard, from how it is to how it should be.
 *
 *    strangers' learners go ─> ready learners vote ─> who lacks a copy learns ─> voters too many go ─> the right one leads
 *
 * Promises: pure. One change at a time. Copies come before they go: a voter is removed only when all that should vote do, so
 * there are never fewer than before or than should be, whichever is less. A node that is suspect is neither added nor
 * removed, unless it was declared gone; one that should have a copy and is dead holds up nobody else. An even number of
 * voters (which survives no more than one less) is only passed through: the first half of a step is taken when the second
 * one can follow.
 * Leaves to others: how much at once (`step.ts`); what is legal in the end (`raft/configuration.ts`), which may refuse.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { GroupStatus } from '../groups/status.ts';
import type { ConfigurationChange } from '../raft/protocol.ts';
import type { Goal, Goals } from './desired.ts';

/** What is looked at of a replica that leads. */
export type GroupView = Pick<
  GroupStatus,
  | 'shard'
  | 'role'
  | 'term'
  | 'leader'
  | 'isServed'
  | 'committed'
  | 'configuration'
  | 'isChanging'
  | 'transferTo'
  | 'followers'
>;

/** What this node knows of the nodes, itself included. */
export interface NodesView {
  readonly self: NodeId;
  /** False: this node should lead nothing (a slow disk, a wrong clock). */
  readonly mayLead: boolean;
  isAlive(node: NodeId): boolean;
  /** Alive for a while. */
  isSteady(node: NodeId): boolean;
  /** Should be given leaders. */
  isFit(node: NodeId): boolean;
}

export interface Circumstances {
  readonly lagEntriesMax: number;
  /** This node has led the shard for a while. */
  readonly isSettled: boolean;
  /** No transfer came to nothing a moment ago. */
  readonly mayTransfer: boolean;
  /** A learner has waited long enough for a second one. */
  readonly isPairOverdue: boolean;
  mayCopyTo(node: NodeId): boolean;
}

export type Move =
  | { readonly kind: 'change'; readonly change: ConfigurationChange }
  /** `isUrgent`: this node should lead nothing. */
  | { readonly kind: 'transfer'; readonly to: NodeId; readonly isUrgent: boolean }
  /** Look again: time alone brings it on. */
  | { readonly kind: 'wait' }
  /** Until somebody comes alive, or the map is another one. */
  | { readonly kind: 'rest' };

export interface NextMove {
  readonly move: Move;
  /** A learner that is ready waits for a second one. */
  readonly isPairing: boolean;
}

interface Case {
  readonly group: GroupView;
  readonly goal: Goal;
  readonly desired: Goals;
  readonly nodes: NodesView;
  readonly at: Circumstances;
  /** Should vote and do not, the preferred first. */
  readonly missing: readonly NodeId[];
  /** Of them, those whose copy is there. */
  readonly ready: readonly NodeId[];
  /** Vote and should not. */
  readonly unwanted: readonly NodeId[];
}

const wait: Move = { kind: 'wait' };
const rest: Move = { kind: 'rest' };

/** @param group led by this node */
export function nextMove(group: GroupView, desired: Goals, nodes: NodesView, at: Circumstances): NextMove {
  const goal = desired.goal(group.shard);
  if (!group.isServed || group.isChanging || group.transferTo !== null) return { move: wait, isPairing: false };
  const { voters } = group.configuration;
  const missing = goal.voters.filter((node) => !voters.includes(node));
  const ready = missing.filter((node) => nodes.isAlive(node) && keepsUp(group, node, at.lagEntriesMax));
  const unwanted = voters.filter((node) => !goal.voters.includes(node)).sort();
  const it: Case = { group, goal, desired, nodes, at, missing, ready, unwanted };
  if (!nodes.mayLead) return { move: handOver(it, true), isPairing: false };
  // Nobody has started yet by this map: it says nothing of where copies should be.
  if (goal.voters.length === 0) return { move: rest, isPairing: false };
  const promoted = promote(it);
  const move = dropLearner(it) ?? promoted ?? addLearner(it) ?? removeVoter(it) ?? lead(it);
  return { move, isPairing: ready.length > 0 && promoted === null };
}

/** Whether a follower of this leader has all but what is on its way. */
export function keepsUp(
  group: Pick<GroupView, 'followers' | 'committed'>,
  node: NodeId,
  lagEntriesMax: number,
): boolean {
  const follower = group.followers.find((other) => other.node === node);
  if (follower === undefined || !follower.isAlive || follower.isInstalling) return false;
  return follower.state === 'replicate' && follower.match + lagEntriesMax >= group.committed;
}

function dropLearner({ group, goal, desired, nodes }: Case): Move | null {
  const wanted = [...goal.voters, ...goal.learners];
  const node = group.configuration.learners.find((other) => {
    return !wanted.includes(other) && mayRemove(other, desired, nodes);
  });
  return node === undefined ? null : { kind: 'change', change: { kind: 'remove', node } };
}

/** Of a node that this map does not know, a newer one does. */
function mayRemove(node: NodeId, desired: Goals, nodes: NodesView): boolean {
  return desired.isGone(node) || (desired.isKnown(node) && nodes.isAlive(node));
}

function promote(it: Case): Move | null {
  const [node] = it.ready;
  if (node === undefined || !mayPromote(it)) return null;
  return { kind: 'change', change: { kind: 'promote', node, isWitness: false } };
}

function mayPromote({ group, goal, desired, nodes, at, missing, ready, unwanted }: Case): boolean {
  const count = group.configuration.voters.length;
  if (count % 2 === 0 || ready.length > 1) return true;
  // Enough vote already: an even number is made only to be ended at once, by the removal of another.
  if (count >= goal.voters.length) {
    return missing.length === 1 && unwanted.some((node) => mayRemove(node, desired, nodes));
  }
  if (missing.length === 1 || at.isPairOverdue) return true;
  return !missing.some((node) => !ready.includes(node) && nodes.isAlive(node));
}

function addLearner(it: Case): Move | null {
  const node = lacking(it).find((other) => it.at.mayCopyTo(other));
  return node === undefined ? null : { kind: 'change', change: { kind: 'addLearner', node } };
}

/** Living nodes that should have a copy, and none is on its way to them. */
function lacking({ group, goal, nodes, missing }: Case): NodeId[] {
  const { voters, learners } = group.configuration;
  const members = [...voters, ...learners];
  return [...missing, ...goal.learners].filter((node) => !members.includes(node) && nodes.isAlive(node));
}

function removeVoter(it: Case): Move | null {
  const { group, desired, nodes, missing, unwanted } = it;
  if (missing.length > 0) return null;
  const { voters } = group.configuration;
  const removable = unwanted.filter((node) => mayRemove(node, desired, nodes));
  const node = leavesFirst(it, removable)[0];
  if (node === undefined) return null;
  // A living voter less, and beside it one that is dead and has to stay: what is left would survive less than before.
  const isHalf = voters.length % 2 === 1 && unwanted.length > 1 && removable.length < 2;
  if (isHalf && nodes.isAlive(node)) return null;
  if (node === nodes.self) return handOver(it, false);
  const left = voters.filter((other) => other !== node);
  if (left.filter((other) => nodes.isAlive(other)).length * 2 <= left.length) return null;
  return { kind: 'change', change: { kind: 'remove', node } };
}

/** The dead, then the others by name, this node last: whoever leads then removes it. */
function leavesFirst({ nodes }: Case, removable: readonly NodeId[]): NodeId[] {
  const rank = (node: NodeId): number => (node === nodes.self ? 2 : Number(nodes.isAlive(node)));
  return [...removable].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** To the first that should vote (or, if it is urgent, that does), lives, is fit, and has all. */
function handOver({ group, goal, desired, nodes, at }: Case, isUrgent: boolean): Move {
  const { voters, witness } = group.configuration;
  const others = voters.filter((node) => node !== nodes.self && node !== witness && nodes.isAlive(node));
  const candidates = others.filter((node) => isUrgent || goal.voters.includes(node));
  const to = desired.candidates(group.shard, candidates).find((node) => {
    return nodes.isFit(node) && keepsUp(group, node, at.lagEntriesMax);
  });
  if (to !== undefined && at.mayTransfer) return { kind: 'transfer', to, isUrgent };
  return candidates.length > 0 ? wait : rest;
}

/** Copies are as they can be: whoever should lead gets the shard. */
function lead(it: Case): Move {
  const { group, goal, nodes, at, missing, ready } = it;
  // A leader that changes while a copy is on its way would begin it anew.
  if (missing.some((node) => !ready.includes(node) && nodes.isAlive(node)) || lacking(it).length > 0) return wait;
  const { assigned } = goal;
  if (assigned === null || assigned === nodes.self || !nodes.isAlive(assigned)) return rest;
  if (!group.configuration.voters.includes(assigned)) return rest;
  const isDue = at.isSettled && at.mayTransfer && nodes.isSteady(assigned) && nodes.isFit(assigned);
  if (!isDue || !keepsUp(group, assigned, at.lagEntriesMax)) return wait;
  return { kind: 'transfer', to: assigned, isUrgent: false };
}
