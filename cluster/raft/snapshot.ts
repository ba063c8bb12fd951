/**
 * The leader's side of a snapshot: who needs one, from where, and what came of it.
 *
 *   log gone, or `isInstalling` and nobody sends ──> install + snapshotFor ──> acked: entries behind `base` follow
 *                                                            │
 *                     again after retryMs <── could not be <─┴─> installed: an ack without `isInstalling` ends it
 *
 * `base` is the last place that is committed and durable here. The host begins to read the state only when all of it is
 * applied; what the copy holds beyond does no harm, since entries are absolute puts and deletes (plan §6).
 *
 * Leaves to others: the bytes (host), the follower's side (`installing.ts`).
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import { commitUpTo } from './commit.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import type { Progress } from './progress.ts';
import type { Position, RaftMessage } from './protocol.ts';

type AppendAnswer = Extract<RaftMessage, { kind: 'appendAnswer' }>;

export function startSnapshot(group: RaftGroup, out: Draft, progress: Progress): void {
  progress.state = 'snapshot';
  progress.snapshotBase = null;
  progress.isCopied = false;
  progress.asked = null;
  progress.hasNotice = false;
  // One a step, since the effect names one.
  if (out.snapshotFor !== null) {
    progress.dueAtMs = group.nowMs;
    return;
  }
  const base = group.log.positionAt(Math.min(group.committedIndex, group.durable));
  progress.snapshotBase = base;
  progress.next = base.index + 1;
  progress.dueAtMs = group.nowMs + group.settings.retryMs;
  out.snapshotFor = { to: progress.node, base };
  sendInstall(group, out, progress, base);
}

/**
 * Not taken: its own base lies behind the one that it was offered, since this leader is new and does not know yet how much
 * is committed. A base is committed, so it is learned from there: else two members of which each needs the other for a
 * majority would wait for ever.
 */
export function onInstallRefused(group: RaftGroup, out: Draft, progress: Progress, answer: AppendAnswer): void {
  const { refused, at } = answer;
  if (refused === null || progress.snapshotBase?.index !== refused) return;
  progress.snapshotBase = null;
  progress.dueAtMs = group.nowMs + group.settings.retryMs;
  // Else it is the late refusal of an append, whose `at` lies before what was refused and promises nothing.
  const isBase = at.index > refused && group.log.holds(at);
  if (isBase && at.index > group.committedIndex) commitUpTo(group, out, at.index);
}

/** The msg may be lost, or its time has come again. */
export function askInstallAgain(group: RaftGroup, out: Draft, progress: Progress): void {
  const base = progress.snapshotBase;
  if (base === null || !group.log.holds(base)) {
    startSnapshot(group, out, progress);
    return;
  }
  progress.dueAtMs = group.nowMs + group.settings.retryMs;
  sendInstall(group, out, progress, base);
}

export function onSnapshotSent(group: RaftGroup, to: NodeId, isInstalled: boolean): void {
  const progress = group.followers.get(to);
  if (progress === undefined || progress.snapshotBase === null) return;
  const againAtMs = group.nowMs + group.settings.retryMs;
  if (isInstalled) {
    // Its own word ends the copy: asked for, and if it still says `isInstalling` after a while, copied again.
    progress.isCopied = true;
    progress.becomeProbe();
    progress.dueAtMs ??= againAtMs;
    return;
  }
  progress.snapshotBase = null;
  if (progress.state !== 'snapshot' && !progress.isInstalling) return;
  progress.state = 'snapshot';
  progress.asked = null;
  progress.dueAtMs = againAtMs;
}

function sendInstall(group: RaftGroup, out: Draft, progress: Progress, base: Position): void {
  const configuration = group.log.configurationAt(base.index);
  const { term, committed } = group;
  out.send(progress.node, { kind: 'install', term, base, configuration, committed }, group.mustWait);
}
