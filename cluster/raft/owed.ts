/**
 * What was asked and not answered, and who is there to answer.
 *
 * Promises: something is asked again after `retryMs`, or at once when its peer comes back; what a suspect owes wakes
 * nobody; a group that is owed nothing has no wake time.
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { Draft } from './effects.ts';
import { askVoterAgain, askVotersAgain } from './election.ts';
import type { RaftGroup } from './group.ts';
import { hasLivingMajority } from './members.ts';
import { askReaderAgain, askReadersAgain } from './reads.ts';
import { askAgain, carryOn } from './replication.ts';
import { stepDown } from './roles.ts';
import { askTargetAgain, endTransfer } from './transfer.ts';

/** [R §6.2] CheckQuorum: a leader without a majority of living voters cannot commit, so it refuses instead of holding callers. */
export function onAlive(group: RaftGroup, out: Draft, node: NodeId, isAlive: boolean): void {
  if (isAlive) group.suspects.delete(node);
  else group.suspects.add(node);
  const progress = group.followers.get(node);
  if (progress !== undefined) progress.isAlive = isAlive;
  if (isAlive) askVoterAgain(group, out, node);
  if (group.role !== 'leader') return;
  if (!hasLivingMajority(group, group.configuration.voters)) {
    stepDown(group, out);
    return;
  }
  if (isAlive && progress?.isOwedAnswer) askAgain(group, out, progress);
  if (isAlive) askReaderAgain(group, out, node);
  if (!isAlive && group.transfer?.to === node) endTransfer(group);
  carryOn(group, out);
}

export function onLinkReset(group: RaftGroup, out: Draft, node: NodeId): void {
  askVoterAgain(group, out, node);
  const progress = group.followers.get(node);
  if (progress === undefined) return;
  askAgain(group, out, progress);
  askReaderAgain(group, out, node);
  askTargetAgain(group, out, node);
  carryOn(group, out);
}

export function onTime(group: RaftGroup, out: Draft): void {
  const { nowMs } = group;
  if (isDue(group.votesDueAtMs, nowMs)) askVotersAgain(group, out);
  if (group.role !== 'leader') return;
  if (group.transfer !== null && group.transfer.untilMs <= nowMs) endTransfer(group);
  if (isDue(group.readRounds.dueAtMs, nowMs)) askReadersAgain(group, out);
  for (const other of group.others) if (other.isAlive && isDue(other.dueAtMs, nowMs)) askAgain(group, out, other);
  carryOn(group, out);
}

export function wakeTime(group: RaftGroup): number | null {
  if (group.role !== 'leader') return group.votesDueAtMs;
  let wakeAtMs = earlier(group.readRounds.dueAtMs, group.transfer?.untilMs ?? null);
  for (const other of group.others) if (other.isAlive) wakeAtMs = earlier(wakeAtMs, other.dueAtMs);
  return wakeAtMs;
}

function isDue(atMs: number | null, nowMs: number): boolean {
  return atMs !== null && atMs <= nowMs;
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null || a <= b ? a : b;
}
