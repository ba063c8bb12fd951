/**
 * A shard is served while its majority is well, whatever goes on around it: voters that are up, have their way to each other,
 * sound clocks and disks, and whole logs, have a leader among them within so much time. Faults elsewhere go on meanwhile,
 * and so do joins and moves. And every node that is well and has its way to that majority gets an answer from the shard.
 *
 * Leaves to others: that what is served is right.
 */
import { groupCount, shardOf } from '../../../runtime/actor/shard.ts';
import type { ShardId } from '../../../runtime/base/ids.ts';
import type { Configuration } from '../../../cluster/raft/protocol.ts';
import { theCluster } from '../../../cluster/metadata/protocol.ts';
import { probes } from '../clients/probe-actor.ts';
import { probeNames } from '../clients/probe-reader.ts';
import type { Life, Machine } from '../world/machine.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import { nature } from '../world/timeline.ts';

const lookEveryMs = 250;
/** Suspicion (0.45 s, steadiness up to 2.4 s), a fit clock and disk (5 s), and campaigns that met others (5 s, times 1.5). */
const servedWithinMs = 20_000;
/** While one of them leads: a hint that is wrong, a relay, waits of 0.2 s, a node that was just believed dead (2.4 s). */
const answeredWithinMs = 6_000;
const askEveryMs = 1_000;
const principal = { kind: 'operator', id: 'oracle' } as const;
/** Nodes whose clocks are closer agree on who is wrong. */
const clocksApartMsMax = 4_000;

interface Watched {
  /** Who could lead it, as one text. */
  able: string;
  sinceMs: number;
  configuration: Configuration | null;
}

/** What a node was asked as an edge of its own would. */
interface Question {
  readonly life: Life;
  readonly shard: ShardId;
  /** Who is well, and has its way to the node. */
  readonly able: string;
  /** Since then one of them leads, and the question waits. */
  waitsSinceMs: number;
}

export class Availability {
  readonly #world: SimWorld;
  readonly #shards = new Map<ShardId, Watched>();
  readonly #questions = new Map<Machine, Question>();
  readonly #dice: Dice;

  constructor(world: SimWorld) {
    this.#world = world;
    this.#dice = world.dice.split('questions');
  }

  watch(): void {
    this.#later(lookEveryMs, () => {
      const shards = groupCount(this.#world.plan.shardCount);
      for (let shard = 0; shard < shards; shard++) this.#look(shard as ShardId);
      for (const [machine, question] of this.#questions) this.#lookAt(machine, question);
    });
    this.#later(askEveryMs, () => {
      for (const machine of this.#world.machines) if (!this.#questions.has(machine)) this.#ask(machine);
    });
  }

  #later(delayMs: number, act: () => void): void {
    this.#world.timeline.after(delayMs, nature, () => {
      act();
      this.#later(delayMs, act);
    });
  }

  // ---- whoever hears a majority answers ----------------------------------------------------------------------------

  #ask(machine: Machine): void {
    const { plan, timeline, nowMs: waitsSinceMs } = this.#world;
    const { life, node } = machine;
    if (life === null || node === null) return;
    const probe = probes.ref(this.#dice.pick(probeNames));
    const about = this.#dice.chance(0.2)
      ? { ...theCluster, query: { kind: 'map' } }
      : { ...probe, query: { kind: 'sum' } };
    const shard = shardOf(about.kind, about.key, plan.shardCount);
    const able = namesOf(this.#ableFor(machine, shard));
    if (able === '') return;
    const question: Question = { life, shard, able, waitsSinceMs };
    this.#questions.set(machine, question);
    const ask = (): void => {
      if (this.#questions.get(machine) !== question) return;
      node.query({ ...about, principal }, (outcome) => {
        // Busy, or not reached: it is asked again, and the time goes on.
        if (!outcome.ok) return void timeline.after(askEveryMs, life, ask);
        if (this.#questions.get(machine) === question) this.#questions.delete(machine);
      });
    };
    timeline.after(0, life, ask);
  }

  #lookAt(machine: Machine, question: Question): void {
    const { shard, able, life } = question;
    const { nowMs } = this.#world;
    const now = this.#ableFor(machine, shard);
    if (machine.life !== life || namesOf(now) !== able) {
      this.#questions.delete(machine);
      return;
    }
    if (!now.some(({ node }) => node?.log.serves(shard) === true)) question.waitsSinceMs = nowMs;
    if (nowMs - question.waitsSinceMs < answeredWithinMs) return;
    const waited = `for ${answeredWithinMs / 1_000} s`;
    this.#world.oracle.fail(
      `${machine.id} gets no answer of shard ${shard} ${waited}, and hears ${able}, which are well`,
    );
  }

  /** The majority, if the node is well and has its way to all of it; else nobody. */
  #ableFor(machine: Machine, shard: ShardId): readonly Machine[] {
    const { network } = this.#world;
    if (machine.hasOldDisk || !this.#isUp(machine)) return [];
    const able = this.#able(shard, this.#watched(shard));
    const isHeard = able.every(
      (other) => other === machine || (network.isTwoWay(machine, other) && agree(machine, other)),
    );
    return isHeard ? able : [];
  }

  // ---- a leader --------------------------------------------------------------------------------------------------

  #look(shard: ShardId): void {
    const { nowMs, machines, oracle } = this.#world;
    const watched = this.#watched(shard);
    const isServed = machines.some(({ node }) => node?.log.serves(shard) === true);
    watched.configuration = (isServed ? this.#world.configurationOf(shard) : null) ?? watched.configuration;
    const able = isServed ? '' : namesOf(this.#able(shard, watched));
    if (isServed || able === '' || able !== watched.able) {
      watched.able = able;
      watched.sinceMs = nowMs;
      return;
    }
    if (nowMs - watched.sinceMs < servedWithinMs) return;
    oracle.fail(`shard ${shard}: ${able} are well and have no leader for ${servedWithinMs / 1_000} s`);
  }

  /** A majority that is well; nobody: there is none. */
  #able(shard: ShardId, watched: Watched): readonly Machine[] {
    const { machines, network, damagedRows } = this.#world;
    if (damagedRows > 0 || network.extraDelayMs > 0) return [];
    if (machines.length === 1) return machines.filter((machine) => this.#isWell(machine, shard));
    watched.configuration = this.#world.configurationOf(shard) ?? watched.configuration;
    if (watched.configuration === null) return [];
    const { voters, witness } = watched.configuration;
    const together: Machine[] = [];
    for (const machine of machines) {
      if (!voters.includes(machine.id) || !this.#isWell(machine, shard)) continue;
      if (together.every((other) => network.isTwoWay(machine, other) && agree(machine, other))) together.push(machine);
    }
    const isMajority = 2 * together.length > voters.length;
    return isMajority && together.some(({ id }) => id !== witness) ? together : [];
  }

  #isUp({ node, disk, pausedUntilMs, slowness }: Machine): boolean {
    const { nowMs } = this.#world;
    return node !== null && pausedUntilMs <= nowMs && slowness === 1 && disk.stalledUntilMs <= nowMs;
  }

  #isWell(machine: Machine, shard: ShardId): boolean {
    const status = this.#isUp(machine) ? machine.node?.host.statusOf(shard) : undefined;
    return status !== undefined && !status.isInstalling && status.damagedFrom === null;
  }

  #watched(shard: ShardId): Watched {
    let watched = this.#shards.get(shard);
    if (watched === undefined) this.#shards.set(shard, (watched = { able: '', sinceMs: 0, configuration: null }));
    return watched;
  }
}

const namesOf = (machines: readonly Machine[]): string => machines.map(({ id }) => id).join(' and ');

const agree = (a: Machine, b: Machine): boolean => Math.abs(a.hardware.skewMs - b.hardware.skewMs) < clocksApartMsMax;
