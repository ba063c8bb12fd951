/**
 * Confirmations that a shard is still led here [R §6.4]: those of one turn share a round of their group.
 *
 * Promises: each `done` is called once; `true` only when all that was committed when it was asked is applied here.
 */
import type { LogIndex } from '../../runtime/base/ids.ts';
import type { Effects } from '../raft/protocol.ts';
import type { HostedGroup } from './hosted-group.ts';

type Done = (isLeader: boolean) => void;

interface Round {
  readonly group: HostedGroup;
  readonly done: Done[];
  /** Confirmed, and to be answered when this is applied. */
  index: LogIndex | null;
}

export class ReadRounds {
  readonly #read: (group: HostedGroup, token: number) => void;
  /** Asked for in this turn. */
  #gathered = new Map<HostedGroup, Done[]>();
  readonly #rounds = new Map<number, Round>();
  #nextToken = 1;
  /** To be called at the end of the round. */
  #settled: (() => void)[] = [];

  constructor(read: (group: HostedGroup, token: number) => void) {
    this.#read = read;
  }

  get underWay(): number {
    return this.#gathered.size + this.#rounds.size;
  }

  confirm(group: HostedGroup, done: Done): void {
    const gathered = this.#gathered.get(group);
    if (gathered === undefined) this.#gathered.set(group, [done]);
    else gathered.push(done);
  }

  /** The turn is over. */
  flush(): void {
    if (this.#gathered.size === 0) return;
    const gathered = this.#gathered;
    this.#gathered = new Map();
    for (const [group, done] of gathered) {
      const token = this.#nextToken++;
      this.#rounds.set(token, { group, done, index: null });
      this.#read(group, token);
    }
  }

  answered({ reads, readsLost }: Effects): void {
    for (const { token, index } of reads) {
      const round = this.#rounds.get(token);
      if (round !== undefined) round.index = index;
      if (round !== undefined && round.index !== null && round.group.applied.index >= round.index) {
        this.#settle(token, round, true);
      }
    }
    for (const token of readsLost) this.refused(token);
  }

  refused(token: number): void {
    const round = this.#rounds.get(token);
    if (round !== undefined) this.#settle(token, round, false);
  }

  /** None of them can be confirmed here any more. */
  lost(group: HostedGroup): void {
    for (const one of this.#gathered.get(group) ?? []) this.#settled.push(() => one(false));
    this.#gathered.delete(group);
    for (const [token, round] of this.#rounds) if (round.group === group) this.#settle(token, round, false);
  }

  /** More of the group is applied. */
  applied(group: HostedGroup): void {
    if (this.#rounds.size === 0) return;
    for (const [token, round] of this.#rounds) {
      if (round.group !== group || round.index === null || group.applied.index < round.index) continue;
      this.#settle(token, round, true);
    }
  }

  tell(): void {
    if (this.#settled.length > 0) for (const done of this.#settled.splice(0)) done();
  }

  #settle(token: number, { group, done }: Round, isLeader: boolean): void {
    this.#rounds.delete(token);
    for (const one of done) this.#settled.push(() => one(isLeader && group.isServed));
  }
}
