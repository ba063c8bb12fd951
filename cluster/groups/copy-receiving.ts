/**
 * Takes the state of a shard from its leader, after giving up its own.
 *
 *   begun (durable mark) -> cleared, some rows a transaction -> parts: asked for, bodies fetched, written, asked for the next
 *      -> the last one says where the leader's state was -> entries applied up to there -> whole: `installed`
 *
 * Promises: after a crash or a broken link it goes on from the last durable part; rows of another shard are refused; acks
 * count only when the state is whole.
 * Leaves to others: entries behind the base, which come by appends meanwhile and wait (`applying.ts`).
 */
import type { Clock } from '../../runtime/base/clock.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { RowKey } from '../../runtime/store/keys.ts';
import type { LayeredStore } from '../../runtime/store/layered-store.ts';
import type { Applying } from './applying.ts';
import { atEnd } from './applying.ts';
import type { InstallingMark } from './batch.ts';
import type { BodyStaging } from './body-staging.ts';
import { isRowOf, readKnown, referenceOf } from './copy-parts.ts';
import type { Gathering } from './gathering.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { Outgoing } from './outgoing.ts';
import { type CopyPart, encodeHost } from './wire.ts';

/** Without an answer, asked again. */
const askedMsMax = 2_000;

interface Job {
  readonly from: NodeId | null;
  readonly base: number;
  /** While a part is being written, or rows are being deleted, nothing is asked. */
  isBusy: boolean;
  /** Waits for bodies. */
  part: CopyPart | null;
  /** Bodies that the sender has no more: an entry that comes lets go of them. */
  readonly gone: Set<string>;
  clearedTo: string | null;
  cancel: (() => void) | undefined;
}

export interface CopyReceivingOptions {
  readonly store: LayeredStore;
  readonly bodies: BodyTracker;
  readonly staging: BodyStaging;
  readonly gathering: Gathering;
  readonly outgoing: Outgoing;
  readonly applying: Applying;
  readonly clock: Clock;
  readonly want: (group: HostedGroup, from: NodeId, hashes: readonly string[]) => void;
  /** The core may be told that the state is whole. */
  readonly installed: (group: HostedGroup) => void;
  readonly wake: () => void;
}

export class CopyReceiving {
  readonly #o: CopyReceivingOptions;
  readonly #jobs = new Map<HostedGroup, Job>();

  constructor(options: CopyReceivingOptions) {
    this.#o = options;
  }

  get underWay(): number {
    return this.#jobs.size;
  }

  /** A copy begins, or the one that is under way goes on, maybe from another node. */
  begin(group: HostedGroup, from: NodeId | null): void {
    const { installing } = group.mark;
    invariant(installing !== null, 'a copy is marked before it begins');
    const base = installing.base.index;
    let job = this.#jobs.get(group);
    if (job === undefined || job.base !== base || job.from !== from) {
      job?.cancel?.();
      job = { from, base, isBusy: false, part: null, gone: new Set(), clearedTo: null, cancel: undefined };
      this.#jobs.set(group, job);
      // Rows of a copy before it may be gathered and not in the store yet, where clearing would not see them.
      if (!installing.isCleared) this.#busy(group, job);
    }
    if (!job.isBusy) this.#goOn(group, job);
  }

  linked(node: NodeId): void {
    for (const [group, job] of this.#jobs) if (job.from === node && !job.isBusy) this.#goOn(group, job);
  }

  /** False: it is not what a leader would send; nothing of it is taken. */
  received(group: HostedGroup, from: NodeId, base: number, after: string | null, part: CopyPart): boolean {
    const job = this.#jobs.get(group);
    const { installing } = group.mark;
    if (job === undefined || installing === null || job.from !== from || job.base !== base) return true;
    // Late or twice.
    if (job.isBusy || job.part !== null || installing.end !== null || installing.copiedTo !== after) return true;
    for (let at = 0; at < part.rows.length; at += 2) {
      if (!isRowOf(group.shard, part.rows[at] as RowKey)) return false;
    }
    job.part = part;
    this.#store(group, job);
    return true;
  }

  /** Some body is here, or will not come. */
  arrived(hash: string, isHere: boolean): void {
    for (const [group, job] of this.#jobs) {
      if (job.part === null) continue;
      if (!isHere) job.gone.add(hash);
      this.#store(group, job);
    }
  }

  /** More of the group is applied. */
  applied(group: HostedGroup): void {
    const job = this.#jobs.get(group);
    const end = group.mark.installing?.end;
    if (job === undefined || end == null || group.isEndHeld || group.applied.index < end.index) return;
    job.cancel?.();
    this.#jobs.delete(group);
    const { gathering, installed, outgoing } = this.#o;
    group.setInstalling(null);
    gathering.marked(group);
    gathering.whenDurable(() => {
      // Another one has begun meanwhile: nothing is whole.
      if (group.mark.installing !== null) return;
      installed(group);
      if (job.from === null) return;
      outgoing.send(job.from, 'bulk', encodeHost(group.shard, { kind: 'copied', base: job.base }), 0);
    });
  }

  stop(): void {
    for (const { cancel } of this.#jobs.values()) cancel?.();
  }

  #goOn(group: HostedGroup, job: Job): void {
    const { installing } = group.mark;
    if (installing === null || installing.end !== null) {
      this.applied(group);
      return;
    }
    if (!installing.isCleared) this.#clear(group, job);
    else if (job.part !== null) this.#store(group, job);
    else this.#ask(group, job, installing);
  }

  #clear(group: HostedGroup, job: Job): void {
    const { store, bodies, gathering, wake } = this.#o;
    const { rows, next, isLast } = readKnown(store, group.shard, job.clearedTo);
    for (const { key } of rows) {
      const reference = referenceOf(key);
      if (reference === null) gathering.row({ key, value: null });
      else gathering.add(bodies.release(reference.hash, reference.owner));
    }
    job.clearedTo = next;
    if (isLast) this.#mark(group, { isCleared: true });
    this.#busy(group, job);
    wake();
  }

  #ask(group: HostedGroup, job: Job, { copiedTo }: InstallingMark): void {
    const { outgoing, wake } = this.#o;
    if (job.from !== null) {
      const message = { kind: 'copyWanted', base: job.base, after: copiedTo } as const;
      outgoing.send(job.from, 'bulk', encodeHost(group.shard, message), 0);
    }
    this.#later(group, job);
    wake();
  }

  /** What was asked for may be lost. */
  #later(group: HostedGroup, job: Job): void {
    job.cancel?.();
    job.cancel = this.#o.clock.after(askedMsMax, () => {
      job.cancel = undefined;
      if (this.#jobs.get(group) !== job) return;
      if (job.from === null) this.#askLeader(group);
      if (!job.isBusy && this.#jobs.get(group) === job) this.#goOn(group, job);
    });
  }

  /** Nobody has offered a copy: a leader that began one before this node forgot of it takes it for under way. */
  #askLeader(group: HostedGroup): void {
    const { leader } = group.raft;
    const { installing } = group.mark;
    if (leader === null || installing === null) return;
    this.#mark(group, { from: leader });
    this.begin(group, leader);
  }

  #store(group: HostedGroup, job: Job): void {
    const { part } = job;
    if (part === null || job.from === null) return;
    const lacking = this.#lacking(job, part);
    if (lacking.length > 0) {
      this.#o.want(group, job.from, lacking);
      this.#later(group, job);
      return;
    }
    job.part = null;
    const { gathering, staging, bodies, applying } = this.#o;
    for (let at = 0; at < part.rows.length; at += 2) {
      const key = part.rows[at] as RowKey;
      const reference = referenceOf(key);
      if (reference === null) gathering.row({ key, value: part.rows[at + 1] as Uint8Array });
      else if (!job.gone.has(reference.hash)) {
        gathering.add(staging.claim(reference.hash));
        gathering.add(bodies.hold(reference.hash, reference.owner));
      }
    }
    this.#mark(group, { copiedTo: part.next, end: part.end });
    if (part.end !== null) group.isEndHeld = true;
    this.#busy(group, job, () => {
      if (group.mark.installing?.end == null || group.mark.installing.base.index !== job.base) return;
      group.isEndHeld = false;
      group.applied = atEnd(group.applied, group.mark.installing);
      applying.moved(group, 0);
      applying.apply(group);
    });
  }

  /** Goes on when what was gathered is durable. */
  #busy(group: HostedGroup, job: Job, then: () => void = () => undefined): void {
    job.isBusy = true;
    this.#o.gathering.whenDurable(() => {
      job.isBusy = false;
      if (this.#jobs.get(group) !== job) return;
      then();
      if (this.#jobs.get(group) === job) this.#goOn(group, job);
    });
  }

  #lacking({ gone }: Job, { rows }: CopyPart): readonly string[] {
    const { bodies, staging } = this.#o;
    const lacking = new Set<string>();
    for (let at = 0; at < rows.length; at += 2) {
      const hash = referenceOf(rows[at] as RowKey)?.hash;
      if (hash === undefined || gone.has(hash) || bodies.has(hash) || staging.isWhole(hash)) continue;
      lacking.add(hash);
    }
    return [...lacking];
  }

  #mark(group: HostedGroup, changes: Partial<InstallingMark>): void {
    const { installing } = group.mark;
    invariant(installing !== null, 'a copy under way is marked');
    group.setInstalling({ ...installing, ...changes });
    this.#o.gathering.marked(group);
  }
}
