/** The log of a node with a window in it: the oracle sees what is appended, what counts as committed, and who serves. */
import type { Commit, RoleEvents, ShardLog, WriteSet } from '../../../runtime/actor/log.ts';
import type { Copies } from '../../../runtime/actor/request.ts';
import type { LogIndex, ShardId, Term } from '../../../runtime/base/ids.ts';

export interface LogEvents {
  appended(shard: ShardId, term: Term, index: LogIndex, writeSet: WriteSet): void;
  committed(shard: ShardId, index: LogIndex): void;
  served(shard: ShardId, term: Term, committed: LogIndex): void;
  lost(shard: ShardId): void;
}

export class WatchedLog implements ShardLog {
  readonly #log: ShardLog;
  readonly #events: LogEvents;

  constructor(log: ShardLog, events: LogEvents) {
    this.#log = log;
    this.#events = events;
  }

  term(shard: ShardId): Term {
    return this.#log.term(shard);
  }

  serves(shard: ShardId): boolean {
    return this.#log.serves(shard);
  }

  onRole(listener: RoleEvents): void {
    this.#log.onRole({
      served: (shard, term) => {
        this.#events.served(shard, term, this.#log.committedIndex(shard));
        listener.served(shard, term);
      },
      lost: (shard) => {
        this.#events.lost(shard);
        listener.lost(shard);
      },
    });
  }

  confirm(shard: ShardId, done: (isLeader: boolean) => void): void {
    this.#log.confirm(shard, done);
  }

  copies(shard: ShardId, index: LogIndex): Copies {
    return this.#log.copies(shard, index);
  }

  lastIndex(shard: ShardId): LogIndex {
    return this.#log.lastIndex(shard);
  }

  committedIndex(shard: ShardId): LogIndex {
    return this.#log.committedIndex(shard);
  }

  lastTimeMs(shard: ShardId): number {
    return this.#log.lastTimeMs(shard);
  }

  get pendingBytes(): number {
    return this.#log.pendingBytes;
  }

  append(shard: ShardId, writeSet: WriteSet): LogIndex {
    const index = this.#log.append(shard, writeSet);
    this.#events.appended(shard, this.#log.term(shard), index, writeSet);
    return index;
  }

  flush(): void {
    this.#log.flush();
  }

  onCommitted(listener: (commits: readonly Commit[]) => void): void {
    this.#log.onCommitted((commits) => {
      for (const { shard, index } of commits) this.#events.committed(shard, index);
      listener(commits);
    });
  }
}
