/**
 * Tells the engine which shards it acts for, and what of theirs is committed.
 *
 * Promises: `served` only when all that is in the log is applied here; commits once per shard and round, never for a
 * shard that is not served; a call without any when only `pendingBytes` fell, since the engine may wait for that; all in
 * loop turns of the host, never from within a call of the engine's.
 */
import type { Commit, RoleEvents } from '../../runtime/actor/log.ts';
import type { LogIndex, ShardId } from '../../runtime/base/ids.ts';
import type { RoleChange } from '../raft/protocol.ts';
import type { HostedGroup } from './hosted-group.ts';

export class Roles {
  #events: RoleEvents | undefined;
  #listener: (commits: readonly Commit[]) => void = () => undefined;
  /** Groups with something to tell, in the order in which it came. */
  readonly #changed = new Set<HostedGroup>();
  /** Lost since the last round, also if served again by now. */
  readonly #lost = new Set<HostedGroup>();
  #commits = new Map<ShardId, LogIndex>();

  onRole(events: RoleEvents, groups: readonly HostedGroup[]): void {
    this.#events = events;
    for (const group of groups) if (group.isServed) events.served(group.shard, group.raft.term);
  }

  onCommitted(listener: (commits: readonly Commit[]) => void): void {
    this.#listener = listener;
  }

  /** The core says what it is now. */
  changed(group: HostedGroup, { serves }: Pick<RoleChange, 'serves'>): void {
    if (serves) {
      if (group.isStopped) return;
      // All that the log holds: the no-op, and after a transfer that came to nothing also what was appended before it. The
      // engine reads the state, so a turn that ran before that is in it would not see what an earlier turn did.
      group.servesFrom ??= group.last;
    } else {
      if (group.servesFrom === null) return;
      group.servesFrom = null;
      if (group.isServed) this.#lost.add(group);
    }
    this.#changed.add(group);
  }

  applied(group: HostedGroup, upTo: LogIndex): void {
    // What is applied between the loss and its telling may be another leader's.
    if (group.isServed && !this.#lost.has(group)) this.#commits.set(group.shard, upTo);
    else if (group.servesFrom !== null) this.#changed.add(group);
  }

  /** At the end of whatever came in: from a peer, from the disk, from the clock. @param isLessPending since the last time */
  tell(isLessPending: boolean): void {
    if (this.#commits.size > 0 || isLessPending) {
      const commits = [...this.#commits].map(([shard, index]) => ({ shard, index }));
      this.#commits = new Map();
      this.#listener(commits);
    }
    if (this.#changed.size === 0) return;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const group of changed) {
      if (this.#lost.delete(group)) {
        group.isServed = false;
        this.#events?.lost(group.shard);
      }
      if (group.isServed || group.servesFrom === null || group.applied.index < group.servesFrom) continue;
      group.isServed = true;
      this.#events?.served(group.shard, group.raft.term);
    }
  }
}
