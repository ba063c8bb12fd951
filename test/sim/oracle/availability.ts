/**
 * A shard is served while its majority is well, whatever goes on around it: voters that are up, have their way to each other,
 * sound clocks and disks, and whole logs, have a leader among them within so much time. Faults elsewhere go on meanwhile.
 *
 * Leaves to others: that what is served is right.
 */
import type { NodeId, ShardId } from '../../../runtime/base/ids.ts';
import type { GroupStatus } from '../../../cluster/groups/status.ts';
import type { Configuration } from '../../../cluster/raft/protocol.ts';
import type { Machine } from '../world/machine.ts';
import type { SimWorld } from '../world/sim-world.ts';
import { nature } from '../world/timeline.ts';

const lookEveryMs = 250;
/** Suspicion (0.45 s, steadiness up to 2.4 s), a fit clock and disk (5 s), and campaigns that met others (5 s, times 1.5). */
const servedWithinMs = 20_000;
/** Nodes whose clocks are closer agree on who is wrong. */
const clocksApartMsMax = 4_000;

interface Watched {
  /** Who could lead it, as one text. */
  able: string;
  sinceMs: number;
  configuration: Configuration | null;
}

export class Availability {
  readonly #world: SimWorld;
  readonly #shards = new Map<ShardId, Watched>();
  /** At this look. */
  readonly #statuses = new Map<NodeId, readonly GroupStatus[]>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  watch(): void {
    this.#world.timeline.after(lookEveryMs, nature, () => {
      this.#statuses.clear();
      for (const { id, node } of this.#world.machines) this.#statuses.set(id, node?.host?.status() ?? []);
      for (let shard = 0; shard < this.#world.plan.shardCount; shard++) this.#look(shard as ShardId);
      this.watch();
    });
  }

  #look(shard: ShardId): void {
    const { nowMs, machines, oracle } = this.#world;
    const watched = this.#watched(shard);
    const able = this.#able(shard, watched);
    const isServed = machines.some(({ node }) => node?.log.serves(shard) === true);
    if (isServed || able === '' || able !== watched.able) {
      watched.able = able;
      watched.sinceMs = nowMs;
      return;
    }
    if (nowMs - watched.sinceMs < servedWithinMs) return;
    oracle.fail(`shard ${shard}: ${able} are well and have no leader for ${servedWithinMs / 1_000} s`);
  }

  /** A majority that is well; empty: there is none. */
  #able(shard: ShardId, watched: Watched): string {
    const { machines, network, damagedRows, underRepair } = this.#world;
    if (damagedRows > 0 || underRepair > 0 || network.extraDelayMs > 0) return '';
    if (machines.length === 1) return this.#isWell(machines[0]!, shard) ? machines[0]!.id : '';
    watched.configuration = this.#configuration(shard) ?? watched.configuration;
    if (watched.configuration === null) return '';
    const { voters, witness } = watched.configuration;
    const together: Machine[] = [];
    for (const machine of machines) {
      if (!voters.includes(machine.id) || !this.#isWell(machine, shard)) continue;
      if (together.every((other) => network.isTwoWay(machine, other) && agree(machine, other))) together.push(machine);
    }
    const isMajority = 2 * together.length > voters.length;
    return isMajority && together.some(({ id }) => id !== witness) ? together.map(({ id }) => id).join(' and ') : '';
  }

  #isWell({ id, node, disk, pausedUntilMs, slowness }: Machine, shard: ShardId): boolean {
    const { nowMs } = this.#world;
    if (node === null || pausedUntilMs > nowMs || slowness > 1 || disk.stalledUntilMs > nowMs) return false;
    const status = this.#statuses.get(id)?.[shard];
    return status === undefined || (!status.isInstalling && status.damagedFrom === null);
  }

  /** As the last leader has it; a change that is under way may still be undone. */
  #configuration(shard: ShardId): Configuration | null {
    let term = -1;
    let found: Configuration | null = null;
    for (const { [shard]: status } of this.#statuses.values()) {
      if (status === undefined || status.role !== 'leader' || status.term < term) continue;
      term = status.term;
      found = status.configuration;
    }
    return found;
  }

  #watched(shard: ShardId): Watched {
    let watched = this.#shards.get(shard);
    if (watched === undefined) this.#shards.set(shard, (watched = { able: '', sinceMs: 0, configuration: null }));
    return watched;
  }
}

const agree = (a: Machine, b: Machine): boolean => Math.abs(a.hardware.skewMs - b.hardware.skewMs) < clocksApartMsMax;
