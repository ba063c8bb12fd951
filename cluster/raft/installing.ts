/**
 * The follower's side of a snapshot [R §5.3; plan §6]: give up the state, take the log from `base` on while the state is
 * copied, and count as whole only when the copy is.
 *
 * Promises: all that was acked while the member was whole and may be committed lies at or before the base, so that it may
 * vote by the base; the base never moves back.
 */
import { logIndex, type NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import { answerRefused, answerTaken, tellLeader } from './append.ts';
import { commitUpTo } from './commit.ts';
import type { Draft } from './effects.ts';
import type { RaftGroup } from './group.ts';
import type { RaftMessage } from './protocol.ts';
import { followLeader } from './roles.ts';

type Install = Extract<RaftMessage, { kind: 'install' }>;

export function onInstall(group: RaftGroup, out: Draft, from: NodeId, message: Install): void {
  followLeader(group, out, from);
  const { base } = message;
  if (group.isInstalling && base.index < group.log.base.index) {
    // A new leader that does not know yet how much is committed. To go back would lose what was acked; it is told this
    // base instead, which is committed.
    answerRefused(group, out, from, base.index, group.log.base);
    return;
  }
  if (wouldForget(group, message)) {
    answerRefused(group, out, from, base.index, group.log.positionAt(group.damagedFrom! - 1));
    return;
  }
  if (needsCopy(group, message)) beginCopy(group, out, from, message);
  else if (base.index > group.committedIndex) {
    // [R §5.3, Figure 5.3] The log holds all that the snapshot would bring: so far it is equal and committed.
    group.equalUpTo = Math.max(group.equalUpTo, base.index);
    commitUpTo(group, out, base.index);
  }
  answerTaken(group, out, from);
}

/** The copy is whole and durable: from now on acks count. */
export function onInstalled(group: RaftGroup, out: Draft): void {
  invariant(group.isInstalling, 'a copy ends that had begun');
  group.isInstalling = false;
  tellLeader(group, out);
}

/**
 * A whole member gives its state up for one that lies ahead of all that it knows to be committed, and only if its own
 * log does not lead there. One whose state is not whole has none to lose: its copy begins again, and one whose entries
 * are rotten takes a copy that lies behind the rot, since the leader has the log before no more.
 */
function needsCopy(group: RaftGroup, { base }: Install): boolean {
  if (group.isInstalling) return true;
  if (group.damagedFrom !== null && base.index >= group.damagedFrom) return true;
  return base.index > group.committedIndex && !group.log.holds(base);
}

/**
 * Behind the base there would stay what was acked while this member was whole, and votes go by the base from now on
 * (`votes.ts`). The leader's base moves on with its commits, and is offered again.
 */
function wouldForget(group: RaftGroup, { base }: Install): boolean {
  if (group.isInstalling || group.damagedFrom === null || base.index < group.damagedFrom) return false;
  return base.index < group.log.lastIndex && group.log.holds(base);
}

function beginCopy(group: RaftGroup, out: Draft, from: NodeId, { base, configuration }: Install): void {
  const { log } = group;
  if (!log.holds(base)) {
    invariant(base.index > group.committedIndex, 'a committed entry is never truncated [R §3.6.3]');
    if (log.lastIndex > log.base.index) out.truncateFrom = logIndex(log.base.index + 1);
  }
  log.install(base, configuration);
  group.durable = Math.max(Math.min(group.durable, log.lastIndex), base.index);
  // A copy that begins again keeps the entries behind its base; their bytes may be rotten as well.
  if (group.damagedFrom !== null) group.damagedFrom = log.lastIndex > base.index ? logIndex(base.index + 1) : null;
  group.isInstalling = true;
  group.equalUpTo = Math.max(group.equalUpTo, base.index);
  out.installing = { from, base, configuration };
  if (base.index > group.committedIndex) commitUpTo(group, out, base.index);
}
