/**
 * Planned hand-over of the leadership [R §3.10]: no new proposals, the target catches up, then it campaigns at once.
 *
 * Promises: given up after `transferMsMax`, or when the target is suspect; then this leader goes on as before.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';

export function onTransfer(group: RaftGroup, out: Draft, to: NodeId): void {
  const target = group.followers.get(to);
  if (group.role !== 'leader') out.refuse('transfer', 'notLeader');
  else if (group.transfer !== null) out.refuse('transfer', 'transferring');
  // A learner has no vote to win with, and the witness holds no mail (plan §8).
  else if (target === undefined || !target.isVoter || target.isWitness) out.refuse('transfer', 'noSuchNode');
  else if (!target.isAlive || target.isInstalling) out.refuse('transfer', 'notCaughtUp');
  else {
    group.transfer = { to, untilMs: group.nowMs + group.settings.transferMsMax, isAsked: false };
    carryTransferOn(group, out);
  }
}

/** [R §3.10, step 2 and 3] Once the target's log matches, it is told to campaign without waiting. */
export function carryTransferOn(group: RaftGroup, out: Draft): void {
  const { transfer } = group;
  if (transfer === null || transfer.isAsked) return;
  if (group.followers.get(transfer.to)?.counts !== group.log.lastIndex) return;
  transfer.isAsked = true;
  sendTimeoutNow(group, out, transfer.to);
}

export function askTargetAgain(group: RaftGroup, out: Draft, node: NodeId): void {
  if (group.transfer?.to === node && group.transfer.isAsked) sendTimeoutNow(group, out, node);
}

function sendTimeoutNow(group: RaftGroup, out: Draft, to: NodeId): void {
  out.send(to, { kind: 'timeoutNow', term: group.term }, group.mustWait);
}

export function endTransfer(group: RaftGroup): void {
  group.transfer = null;
}
