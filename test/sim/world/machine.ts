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
  /** Its disk is not its own: nobody starts it. */
  isBarred = false;

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

  /** The process is gone, with all that was in its memory. `luck`: see `SimDisk.halt`. */
  die(luck: number): void {
    if (this.life !== null) this.life.isOver = true;
    this.life = null;
    this.node = null;
    this.pausedUntilMs = 0;
    this.disk.halt(luck);
  }
}
