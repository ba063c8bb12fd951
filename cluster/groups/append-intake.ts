/**
 * Appends of a leader on their way into the core: unpacked, checked, and held until the bodies that they name are here.
 *
 *     append -> all bodies here ──────────────────────────────> step
 *        └───-> one is lacking: what stands before it -> step;  the msg waits, the body is asked for
 *                                                     body here -> the msg, and all that came behind it -> step
 *
 * Promises: no entry reaches the core whose bytes are not what their checksums say, or whose bodies are not here, so none is
 * acked; what waits is bounded, since the leader sends again what is not acked.
 */
import { OperationError } from '../../runtime/base/errors.ts';
import type { NodeId } from '../../runtime/base/ids.ts';
import { RottenRowError } from '../../runtime/codec/row.ts';
import type { BodyTracker } from '../../runtime/store/bodies.ts';
import type { Entry, RaftMessage } from '../raft/protocol.ts';
import type { BodyStaging } from './body-staging.ts';
import { decodeEntries } from './entry-packing.ts';
import type { HostedGroup } from './hosted-group.ts';
import { Payload } from './payload.ts';
import type { WireEntry } from './wire.ts';

type Append = Extract<RaftMessage, { kind: 'append' }>;

/** Msgs that wait for one group. */
const parkedMax = 64;

interface Parked {
  readonly from: NodeId;
  readonly message: Append;
}

export interface AppendIntakeOptions {
  readonly bodies: BodyTracker;
  readonly staging: BodyStaging;
  readonly step: (group: HostedGroup, from: NodeId, message: Append) => void;
  readonly want: (group: HostedGroup, from: NodeId, hashes: readonly string[]) => void;
  /** A peer sent what cannot be; nothing of it was taken. */
  readonly refused: (from: NodeId, error: unknown) => void;
}

export class AppendIntake {
  readonly #o: AppendIntakeOptions;
  readonly #parked = new Map<HostedGroup, Parked[]>();

  constructor(options: AppendIntakeOptions) {
    this.#o = options;
  }

  get parked(): number {
    return this.#parked.size;
  }

  take(group: HostedGroup, from: NodeId, head: Append, wire: readonly WireEntry[]): void {
    let entries: readonly Entry[];
    try {
      entries = wire.length === 0 ? head.entries : decodeEntries(head.previous, wire, group.self, group.isWitness);
    } catch (error) {
      if (!(error instanceof OperationError) && !(error instanceof RottenRowError)) throw error;
      this.#o.refused(from, error);
      return;
    }
    const message = { ...head, entries };
    const parked = this.#parked.get(group);
    if (parked === undefined) {
      this.#pass(group, { from, message });
      return;
    }
    const { term } = parked[0]!.message;
    // Of a new leader: what the old one sent is of no use. Of an old one: the core says so.
    if (message.term > term) this.#parked.delete(group);
    if (message.term !== term) this.#pass(group, { from, message });
    else {
      if (parked.length < parkedMax) parked.push({ from, message });
      this.#check(group, parked);
    }
  }

  /** Something that may have been lacking is here, or will not come. */
  arrived(): void {
    if (this.#parked.size === 0) return;
    for (const [group, parked] of this.#parked) this.#check(group, parked);
  }

  /** Nobody has them: the leader sends again, and by then somebody may. */
  gaveUp(hash: string): void {
    for (const [group, parked] of this.#parked) {
      if (parked.some(({ message }) => this.#lacking(message).hashes.includes(hash))) this.#parked.delete(group);
    }
  }

  #check(group: HostedGroup, parked: readonly Parked[]): void {
    const first = parked[0]!;
    const { hashes } = this.#lacking(first.message);
    if (hashes.length > 0) {
      // Also those that were here when it was parked: nothing protected them.
      this.#o.want(group, first.from, hashes);
      return;
    }
    this.#parked.delete(group);
    for (const [at, next] of parked.entries()) {
      this.#pass(group, next);
      const again = this.#parked.get(group);
      if (again === undefined) continue;
      again.push(...parked.slice(at + 1));
      return;
    }
  }

  #pass(group: HostedGroup, { from, message }: Parked): void {
    const { hashes, before } = this.#lacking(message);
    if (hashes.length === 0) {
      this.#o.step(group, from, message);
      return;
    }
    if (before > 0) this.#o.step(group, from, { ...message, entries: message.entries.slice(0, before) });
    // One of an old leader that came late pushes nothing out.
    if (this.#parked.has(group)) return;
    this.#parked.set(group, [{ from, message }]);
    this.#o.want(group, from, hashes);
  }

  /** @returns bodies that are not here, and how many entries stand before the first that names one */
  #lacking({ entries }: Append): { readonly hashes: readonly string[]; readonly before: number } {
    const hashes: string[] = [];
    let before = 0;
    let brought: Set<string> | undefined;
    for (const [at, { payload }] of entries.entries()) {
      if (!(payload instanceof Payload) || payload.hashes.length === 0) continue;
      for (const { hash } of payload.bodies) {
        brought ??= new Set();
        brought.add(hash);
      }
      for (const hash of payload.hashes) {
        if (brought?.has(hash) || this.#isHere(hash) || hashes.includes(hash)) continue;
        if (hashes.length === 0) before = at;
        hashes.push(hash);
      }
    }
    return { hashes, before };
  }

  #isHere(hash: string): boolean {
    return this.#o.bodies.isExpected(hash) || this.#o.staging.isWhole(hash);
  }
}
