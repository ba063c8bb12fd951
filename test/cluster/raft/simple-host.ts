/**
 * The smallest host of one Raft core: a disk whose transactions become durable when the test says so.
 *
 * Promises what `protocol.ts` asks of a host; each promise that a test wants broken is broken by the test.
 */
import { type LogIndex, logIndex, type NodeId, type Term } from '../../../runtime/base/ids.ts';
import { type RaftGroup, restoreGroup } from '../../../cluster/raft/group.ts';
import type {
  Configuration,
  Effects,
  Entry,
  HardState,
  Outgoing,
  Position,
  RaftEvent,
  RaftMessage,
  Settings,
} from '../../../cluster/raft/protocol.ts';
import { step } from '../../../cluster/raft/step.ts';

export interface Disk {
  hardState: HardState;
  base: Position;
  configuration: Configuration;
  /** Behind the base, without a gap. */
  entries: Entry[];
  committed: LogIndex;
  isInstalling: boolean;
  /** Indexes whose payload is lost. */
  damaged: Set<number>;
}

type Write = (disk: Disk) => void;

/** What one step made, until it is durable. */
interface Transaction {
  readonly writes: readonly Write[];
  readonly messages: readonly Outgoing[];
  readonly upTo: Position | null;
}

export function emptyDisk(configuration: Configuration): Disk {
  return {
    hardState: { term: 0 as Term, votedFor: null },
    base: { index: 0 as LogIndex, term: 0 as Term },
    configuration,
    entries: [],
    committed: 0 as LogIndex,
    isInstalling: false,
    damaged: new Set(),
  };
}

export class SimpleHost {
  readonly id: NodeId;
  /** What a restart would find. */
  durable: Disk;
  /** With what is written and not durable yet. */
  written: Disk;
  group: RaftGroup;
  readonly #settings: Settings;
  readonly #send: (outgoing: Outgoing) => void;
  #transactions: Transaction[] = [];

  constructor(id: NodeId, disk: Disk, settings: Settings, send: (outgoing: Outgoing) => void) {
    this.id = id;
    this.durable = disk;
    this.#settings = settings;
    this.#send = send;
    this.written = copied(disk);
    this.group = this.#restore();
  }

  get pending(): number {
    return this.#transactions.length;
  }

  get isWitness(): boolean {
    return this.group.configuration.witness === this.id;
  }

  handle(event: RaftEvent, nowMs: number): Effects {
    const effects = step(this.group, event, nowMs);
    const writes = writesOf(effects, event, this.isWitness);
    for (const write of writes) write(this.written);
    const last = effects.append.at(-1);
    const upTo = last === undefined ? null : { index: last.index, term: last.term };
    const waiting = effects.messages.filter((message) => message.waits);
    if (writes.length > 0 || waiting.length > 0) this.#transactions.push({ writes, messages: waiting, upTo });
    for (const outgoing of effects.messages) if (!outgoing.waits) this.#send(this.withPayloads(outgoing));
    return effects;
  }

  /** The oldest transactions become durable. Returns the events that tell the core of it. */
  flush(count = this.#transactions.length): RaftEvent[] {
    const events: RaftEvent[] = [];
    for (const { writes, messages, upTo } of this.#transactions.splice(0, count)) {
      const damaged = this.durable.damaged.size;
      for (const write of writes) write(this.durable);
      for (const outgoing of messages) this.#send(this.withPayloads(outgoing));
      if (upTo !== null) events.push({ kind: 'persisted', upTo });
      if (this.durable.damaged.size < damaged && this.group.damagedFrom !== null) {
        events.push({ kind: 'repaired', damagedFrom: firstDamaged(this.durable) });
      }
    }
    return events;
  }

  /** Power is lost: the oldest `kept` transactions are on the disk, and nothing that waited for them was sent. */
  restart(kept = 0): void {
    for (const { writes } of this.#transactions.slice(0, kept)) for (const write of writes) write(this.durable);
    this.#transactions = [];
    this.written = copied(this.durable);
    this.group = this.#restore();
  }

  entryAt(index: number): Entry | undefined {
    return this.written.entries[index - this.written.base.index - 1];
  }

  withPayloads(outgoing: Outgoing): Outgoing {
    const { message } = outgoing;
    if (message.kind !== 'append') return outgoing;
    const isToWitness = this.group.configuration.witness === outgoing.to;
    const entries = message.entries.map((head) => {
      const kept = this.entryAt(head.index);
      return { ...head, payload: isToWitness || kept?.term !== head.term ? null : kept.payload };
    });
    return { ...outgoing, message: { ...message, entries } satisfies RaftMessage };
  }

  #restore(): RaftGroup {
    const { hardState, base, configuration, entries, committed, isInstalling } = copied(this.durable);
    const damagedFrom = firstDamaged(this.durable);
    return restoreGroup(
      { self: this.id, hardState, base, configuration, entries, committed, isInstalling, damagedFrom },
      this.#settings,
    );
  }
}

function firstDamaged(disk: Disk): LogIndex | null {
  return disk.damaged.size === 0 ? null : logIndex(Math.min(...disk.damaged));
}

function copied(disk: Disk): Disk {
  return { ...disk, entries: [...disk.entries], damaged: new Set(disk.damaged) };
}

function writesOf(effects: Effects, event: RaftEvent, isWitness: boolean): Write[] {
  const writes: Write[] = [];
  const { hardState, truncateFrom, append, installing, committed } = effects;
  if (hardState !== null) writes.push((disk) => (disk.hardState = hardState));
  if (truncateFrom !== null) writes.push((disk) => truncate(disk, truncateFrom));
  for (const entry of append) writes.push((disk) => put(disk, isWitness ? { ...entry, payload: null } : entry));
  if (installing !== null) writes.push((disk) => install(disk, installing.base, installing.configuration));
  if (committed !== null) {
    writes.push((disk) => (disk.committed = logIndex(Math.min(committed, disk.base.index + disk.entries.length))));
  }
  if (event.kind === 'compacted') writes.push((disk) => compact(disk, event.upTo));
  if (event.kind === 'installed') writes.push((disk) => (disk.isInstalling = false));
  return writes;
}

function truncate(disk: Disk, from: LogIndex): void {
  disk.entries.length = Math.max(0, from - disk.base.index - 1);
  for (const index of disk.damaged) if (index >= from) disk.damaged.delete(index);
}

function put(disk: Disk, entry: Entry): void {
  const place = entry.index - disk.base.index - 1;
  if (place > disk.entries.length) throw new Error(`entry ${entry.index} leaves a gap`);
  if (place < disk.entries.length && disk.entries[place]!.term !== entry.term) throw new Error('overwrites an entry');
  disk.entries[place] = entry;
  disk.damaged.delete(entry.index);
}

function install(disk: Disk, base: Position, configuration: Configuration): void {
  const dropped = base.index - disk.base.index;
  disk.entries = disk.entries.slice(dropped);
  disk.base = base;
  disk.configuration = configuration;
  disk.isInstalling = true;
  // All behind the base may be rotten as well, says the core.
  if (disk.damaged.size > 0) disk.damaged = new Set(disk.entries.map((entry) => entry.index as number));
}

function compact(disk: Disk, upTo: LogIndex): void {
  if (upTo <= disk.base.index) return;
  const dropped = disk.entries.splice(0, upTo - disk.base.index);
  const newest = dropped.findLast((entry) => entry.kind === 'configuration');
  disk.configuration = newest?.configuration ?? disk.configuration;
  disk.base = { index: upTo, term: dropped.at(-1)!.term };
  for (const index of disk.damaged) if (index <= upTo) disk.damaged.delete(index);
}
