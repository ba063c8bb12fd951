/**
 * A machine of the cluster: its disk, its clock, and the processes that live and die on it. A *life* is one start of the
 * node's process.
 */
import { nodeId, type NodeId } from '../../../runtime/base/ids.ts';
import type { SimDisk } from './disk.ts';
import { type Hardware, NodeClock } from './node-clock.ts';
import type { SimNode } from './sim-node.ts';
import type { Owner, Timeline } from './timeline.ts';

/** What an event costs the node's one thread. */
const eventCostMs = 0.02;

export class Life implements Owner {
  readonly name: string;
  readonly number: number;
  readonly clock: NodeClock;
  isOver = false;
  readonly #machine: Machine;
  #busyUntilMs = 0;

  constructor(machine: Machine, timeline: Timeline, number: number) {
    this.name = machine.id;
    this.number = number;
    this.#machine = machine;
    this.clock = new NodeClock(timeline, this, machine.hardware);
  }

  readyMs(nowMs: number): number | null {
    if (this.isOver) return null;
    return Math.max(nowMs, this.#machine.pausedUntilMs, this.#busyUntilMs);
  }

  ran(nowMs: number): void {
    this.#busyUntilMs = nowMs + eventCostMs * this.#machine.slowness;
  }
}

export class Machine {
  id: NodeId;
  readonly disk: SimDisk;
  readonly hardware: Hardware;
  pausedUntilMs = 0;
  slowness = 1;
  life: Life | null = null;
  node: SimNode | null = null;
  lives = 0;
  hasPower = true;
  /** A row of its log has been damaged, at some time. */
  hasRottenLog = false;
  /** It is one of the cluster, so that it may be started. */
  hasJoined = false;
  /** Who was in the cluster when this node last heard of it: a file on its disk. */
  nodesKnown: readonly NodeId[] = [];
  /** Its groups are configured from outside, as long as they are not on its disk. */
  isConfigured = false;
  /** An older copy was put in the place of its disk. */
  hasOldDisk = false;

  constructor(name: string, disk: SimDisk, hardware: Hardware) {
    this.id = nodeId(name);
    this.disk = disk;
    this.hardware = hardware;
  }

  get isUp(): boolean {
    return this.life !== null;
  }

  beginLife(timeline: Timeline): Life {
    this.hasPower = true;
    this.life = new Life(this, timeline, ++this.lives);
    return this.life;
  }

  /** It would dial that node by itself. */
  knowsOf(peer: NodeId): boolean {
    return this.nodesKnown.includes(peer);
  }

  /** The process is gone, with all that was in its memory. `luck`: see `SimDisk.halt`. */
  die(luck: number): void {
    if (this.life !== null) this.life.isOver = true;
    this.life = null;
    this.node = null;
    this.pausedUntilMs = 0;
    this.disk.halt(luck);
  }
}
