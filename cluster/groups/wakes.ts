/**
 * One timer for all groups: those that are owed something say when they want to be asked again; idle ones cost nothing.
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { HostedGroup } from './hosted-group.ts';

export class Wakes {
  readonly #clock: Clock;
  readonly #due: (groups: readonly HostedGroup[]) => void;
  /** Groups that want to be woken. */
  readonly #waiting = new Set<HostedGroup>();
  #armedFor: number | null = null;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(clock: Clock, due: (groups: readonly HostedGroup[]) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** After each step of the group. */
  stepped(group: HostedGroup): void {
    const atMs = group.raft.wakeAtMs;
    if (atMs === null) {
      // Left in the set it would be looked at once, when the timer comes; taking it out costs as much.
      if (this.#waiting.size > 0) this.#waiting.delete(group);
      return;
    }
    this.#waiting.add(group);
    // A timer that comes too early finds nobody due and is set anew; nothing is moved on each step.
    if (this.#armedFor !== null && this.#armedFor <= atMs) return;
    this.#arm(atMs);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #arm(atMs: number): void {
    if (this.#isStopped) return;
    this.#cancel?.();
    this.#armedFor = atMs;
    this.#cancel = this.#clock.after(Math.max(0, atMs - this.#clock.monotonicMs()), () => this.#woken());
  }

  #woken(): void {
    this.#armedFor = null;
    this.#cancel = undefined;
    const nowMs = this.#clock.monotonicMs();
    const due = [...this.#waiting].filter(({ raft }) => raft.wakeAtMs !== null && raft.wakeAtMs <= nowMs);
    if (due.length > 0) this.#due(due);
    let nextMs: number | null = null;
    for (const { raft } of this.#waiting) {
      if (raft.wakeAtMs !== null && (nextMs === null || raft.wakeAtMs < nextMs)) nextMs = raft.wakeAtMs;
    }
    if (nextMs !== null && (this.#armedFor === null || this.#armedFor > nextMs)) this.#arm(nextMs);
  }
}
