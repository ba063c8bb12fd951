/**
 * The leader's side of log replication [R §3.5]: what is sent to whom, and what their answers mean.
 *
 * Promises: an idle group sends nothing (liveness is per node, plan §7); the commit index rides the next append, or one
 * trailing empty append when none is on its way; what is not answered is sent again only while something is owed.
 * Leaves to others: `progress.ts` (the states), `witness.ts` (how far), `snapshot.ts` (when the log is gone).
 */
import { invariant } from '../../runtime/base/invariant.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { countCommit } from './commit.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import { followConfiguration } from './members.ts';
import type { Progress } from './progress.ts';
import type { Entry, RaftMessage } from './protocol.ts';
import { carryReadsOn } from './reads.ts';
import { stepDown } from './roles.ts';
import { askInstallAgain, onInstallRefused, startSnapshot } from './snapshot.ts';
import { carryTransferOn } from './transfer.ts';
import { sendLimit } from './witness.ts';

type AppendAnswer = Extract<RaftMessage, { kind: 'appendAnswer' }>;

const noEntries: readonly Entry[] = Object.freeze([]);

/** After anything that may let a leader go on: count, answer, send. */
export function carryOn(group: RaftGroup, out: Draft): void {
  if (group.role !== 'leader') return;
  followConfiguration(group);
  countCommit(group, out);
  carryReadsOn(group, out);
  carryTransferOn(group, out);
  for (const other of group.others) sendTo(group, out, other);
  // [R §4.2.2] A leader that has removed itself leads until the change is committed, and no longer.
  if (!group.isChanging && !group.isVoter(group.self)) stepDown(group, out);
}

export function onAppendAnswer(group: RaftGroup, out: Draft, from: NodeId, answer: AppendAnswer): void {
  const progress = group.followers.get(from);
  if (group.role !== 'leader' || progress === undefined) return;
  if (answer.isTaken) onTaken(group, out, progress, answer);
  else onRefused(group, out, progress, answer);
  carryOn(group, out);
}

/** Nothing came for `retryMs`, or the connection is new. */
export function askAgain(group: RaftGroup, out: Draft, progress: Progress): void {
  progress.dueAtMs = null;
  if (progress.state === 'snapshot') askInstallAgain(group, out, progress);
  else if (progress.isCopied && progress.isInstalling) startSnapshot(group, out, progress);
  else progress.becomeProbe();
}

function onTaken(group: RaftGroup, out: Draft, progress: Progress, { at, isInstalling }: AppendAnswer): void {
  const { log, settings } = group;
  invariant(at.index <= log.lastIndex, 'a follower acks what the leader of its term has sent');
  const term = log.termAt(at.index);
  invariant(term === null || term === at.term, 'logs are equal where a follower says so [R §3.5]');
  progress.match = Math.max(progress.match, at.index);
  progress.next = Math.max(progress.next, progress.match + 1);
  progress.hasNotice = false;
  progress.isInstalling = isInstalling;
  if (progress.state === 'probe' && at.index >= (progress.asked ?? 0)) progress.becomeReplicate();
  const base = progress.snapshotBase;
  if (base !== null && at.index >= base.index) {
    if (progress.state === 'snapshot') {
      progress.next = progress.match + 1;
      progress.becomeReplicate();
    }
    if (!isInstalling) {
      progress.snapshotBase = null;
      progress.isCopied = false;
    }
  }
  progress.answered(group.nowMs, settings.retryMs);
  // Its copy was begun by another leader, or came to nothing.
  if (isInstalling && progress.snapshotBase === null && progress.state !== 'snapshot') {
    startSnapshot(group, out, progress);
  }
}

function onRefused(group: RaftGroup, out: Draft, progress: Progress, answer: AppendAnswer): void {
  const refused = answer.refused ?? 0;
  if (progress.state === 'snapshot') {
    onInstallRefused(group, out, progress, answer);
    return;
  }
  if (progress.state === 'replicate') {
    // What was acked since makes an older refusal void.
    if (refused >= progress.match) progress.becomeProbe();
    return;
  }
  if (progress.asked !== refused) return;
  progress.isInstalling = answer.isInstalling;
  progress.asked = null;
  progress.dueAtMs = null;
  // [R §3.5] Back to where the logs may agree, one term at a time from either side.
  const place = group.log.lastAtMost(Math.min(answer.at.index, refused - 1), answer.at.term);
  // Only a rotten disk takes back what was acked: it holds that no more, so it counts for it no more.
  progress.match = Math.min(progress.match, place?.index ?? 0);
  if (place === null) startSnapshot(group, out, progress);
  else progress.next = place.index + 1;
}

function sendTo(group: RaftGroup, out: Draft, progress: Progress): void {
  if (progress.state === 'snapshot') return;
  if (progress.next - 1 < group.log.base.index) {
    startSnapshot(group, out, progress);
    return;
  }
  const end = sendLimit(group, progress);
  if (progress.state === 'probe') {
    if (progress.asked !== null) return;
    progress.asked = progress.next - 1;
    sendAppend(group, out, progress, end);
    return;
  }
  const { windowBytesMax } = group.settings;
  while (progress.next <= end && progress.flightBytes(group.log) < windowBytesMax)
    sendAppend(group, out, progress, end);
  const isQuiet = progress.next - 1 === progress.match && !progress.hasNotice;
  if (!isQuiet || progress.toldCommitted >= Math.min(group.committedIndex, progress.match)) return;
  progress.hasNotice = true;
  sendAppend(group, out, progress, progress.next - 1);
}

/** [R §10.2.1] It leaves before the entries are durable here: the leader's disk and the followers' work side by side. */
function sendAppend(group: RaftGroup, out: Draft, progress: Progress, end: number): void {
  const message = appendFrom(group, progress.next, end);
  const lastSent = message.previous.index + message.entries.length;
  progress.next = lastSent + 1;
  progress.toldCommitted = Math.min(group.committedIndex, lastSent);
  progress.expectAnswer(group.nowMs, group.settings.retryMs);
  out.send(progress.node, message, group.mustWait);
}

/** The same msg object for all followers that need the same, so that the host packs it once. */
function appendFrom(group: RaftGroup, from: number, end: number): Extract<RaftMessage, { kind: 'append' }> {
  const { log, term, committed, sharedAppend: shared } = group;
  if (shared !== null && shared.end === end && shared.message.previous.index === from - 1) {
    if (shared.message.committed === committed) return shared.message;
  }
  const previous = log.positionAt(from - 1);
  const entries = end < from ? noEntries : log.slice(from, end, group.settings.appendBytesMax);
  const message = { kind: 'append', term, previous, entries, committed } as const;
  group.sharedAppend = { end, message };
  return message;
}
