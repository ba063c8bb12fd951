/**
 * The rounds of the drill: a fault hits a node that leads mailboxes, their recipients are probed, the fault is undone, and
 * when all is served again the next one comes.
 *
 * Promises: a fault at a reply comes in the very turn in which it was told (`happened`); a node that ends by itself is
 * entered with its last words and started again; a cluster that does not come back is entered too.
 */
import { pause } from '../../../bench/measure/wait.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import type { ClusterNode } from '../../support/process-cluster-node.ts';
import type { ProcessCluster } from '../../support/process-cluster.ts';
import { formatExit } from '../../support/process-node.ts';
import type { Chance } from '../chance.ts';
import type { DrillMail } from '../mails.ts';
import { Probe, type ProbeResult } from './failover.ts';
import { drawFault, type FaultKind, type PlannedFault } from './fault-plan.ts';
import { inflict } from './faults.ts';
import type { Books } from './sending.ts';

export interface FaultRecord {
  readonly nr: number;
  readonly kind: FaultKind;
  readonly victim: string;
  readonly text: string;
  /** On the monotonic clock: the fault, its end, and when all was served again (null: not in time). */
  readonly atMs: number;
  readonly healedMs: number;
  readonly backMs: number | null;
  readonly probes: readonly ProbeResult[];
}

export interface FaultRoundsOptions {
  readonly cluster: ProcessCluster;
  /** Mailbox address -> its shard. */
  readonly shardOfBox: ReadonlyMap<string, number>;
  readonly makeProbeMail: (address: string) => DrillMail;
  readonly books: Books;
  readonly chance: Chance;
  readonly kinds: readonly FaultKind[];
  readonly progress: (line: string) => void;
  /** Told with the progress. */
  readonly counts: () => string;
}

const probesMax = 4;
const replyMsMax = 3_000;
/** A killed node stays away at least until its recipients are served, but not for ever. */
const takeoverMsMax = 5_000;
const triesMax = 3;
/** Rounds in a row after which the cluster did not come back: then the rest of the drill would show nothing more. */
const notBackMax = 3;

export class FaultRounds {
  readonly #o: FaultRoundsOptions;
  readonly records: FaultRecord[] = [];
  /** Nodes that ended by themselves, and clusters that did not come back, in words. */
  readonly failures: string[] = [];
  #onReply: () => void = () => undefined;
  #notBack = 0;

  constructor(options: FaultRoundsOptions) {
    this.#o = options;
  }

  happened(): void {
    this.#onReply();
  }

  /** @param between called after each round */
  async runUntil(endMs: number, between: () => Promise<void>): Promise<void> {
    while (systemClock.monotonicMs() < endMs && this.#notBack < notBackMax) {
      await this.#round(drawFault(this.#o.chance, this.#o.kinds));
      await between();
    }
  }

  async #round(fault: PlannedFault): Promise<void> {
    const { cluster, progress, counts } = this.#o;
    const led = await this.#ledBoxes();
    const leaders = cluster.nodes.filter(({ id }) => (led.get(id)?.length ?? 0) > 0);
    const victim = drawn(leaders.length > 0 ? leaders : cluster.nodes, fault.victimDraw);
    const others = cluster.nodes.filter((node) => node !== victim);
    const other = drawn(others, fault.otherDraw);
    const probes = await this.#prepareProbes(led.get(victim.id) ?? [], other, others);

    await this.#moment(fault);
    const atMs = systemClock.monotonicMs();
    const inflicted = inflict(cluster, fault, victim, other);
    const probed = Promise.all(probes.map((probe) => probe.run()));
    if (fault.kind === 'kill') await Promise.race([probed, pause(takeoverMsMax)]);
    await pause(fault.holdMs);
    let isEntered = false;
    try {
      await inflicted.heal();
    } catch (error) {
      // A node that does not end or does not start: it is entered, and started once more.
      this.failures.push(`fault ${this.records.length + 1}: ${(error as Error).message}`);
      isEntered = true;
    }
    const healedMs = systemClock.monotonicMs();
    const results = await probed;
    await this.reviveTheDead(isEntered ? victim : null);
    const backMs = await this.#back([victim, other]);
    const { kind } = fault;
    const nr = this.records.length + 1;
    this.records.push({
      ...{ nr, kind, victim: victim.id, text: inflicted.text, atMs, healedMs },
      ...{ backMs, probes: results },
    });
    const when = fault.atReply === null ? '' : `, at a 250,`;
    const lasted = `${seconds(healedMs - atMs)} s${when} back after ${backMs === null ? 'NEVER' : `${seconds(backMs - healedMs)} s`}`;
    const served = results.map(({ ms }) => seconds(ms)).join(' ');
    progress(`${nr} ${kind} ${inflicted.text}: ${lasted}; served after ${served || '-'} s; ${counts()}`);
  }

  /** Node -> mailboxes that it leads, as one of the nodes sees it. */
  async #ledBoxes(): Promise<Map<string, string[]>> {
    const led = new Map<string, string[]>();
    try {
      const leaderOf = new Map((await this.#o.cluster.leaders()).map(({ shard, leader }) => [shard, leader]));
      for (const [box, shard] of this.#o.shardOfBox) {
        const leader = leaderOf.get(shard);
        if (leader != null) led.set(leader, [...(led.get(leader) ?? []), box]);
      }
    } catch (error) {
      // Then this round hits anybody, and has no probes.
      this.#o.progress(`who leads is not known: ${(error as Error).message.split('\n')[0]}`);
    }
    return led;
  }

  async #prepareProbes(boxes: readonly string[], first: ClusterNode, others: readonly ClusterNode[]): Promise<Probe[]> {
    const { chance, makeProbeMail, books } = this.#o;
    const through = [first, ...others.filter((node) => node !== first)];
    const doors = through.map(({ id, smtpPort }) => ({ node: id, port: smtpPort }));
    const probes = chance
      .pickSome(boxes, probesMax)
      .map((box) => new Probe({ through: doors, mail: makeProbeMail(box), books }));
    await Promise.all(probes.map((probe) => probe.prepare()));
    return probes;
  }

  #moment({ atReply }: PlannedFault): Promise<void> {
    if (atReply === null) return Promise.resolve();
    return new Promise((resolve) => {
      let left = atReply;
      const go = (): void => {
        this.#onReply = () => undefined;
        cancel();
        resolve();
      };
      const cancel = systemClock.after(replyMsMax, go);
      this.#onReply = () => {
        if (--left === 0) go();
      };
    });
  }

  /** @returns when; null: not in time */
  async #back(through: readonly ClusterNode[]): Promise<number | null> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#o.cluster.waitServed({ through });
        this.#notBack = 0;
        return systemClock.monotonicMs();
      } catch (error) {
        const hasDied = through.some(({ life }) => life.exit !== undefined);
        await this.reviveTheDead();
        // What ended by itself is entered by now, and the rest may still come back.
        if (hasDied && tries < triesMax) continue;
        this.#notBack++;
        this.failures.push(`fault ${this.records.length + 1}: not back: ${(error as Error).message}`);
        return null;
      }
    }
  }

  /** @param entered it is known why this one is down */
  async reviveTheDead(entered: ClusterNode | null = null): Promise<void> {
    for (const node of this.#o.cluster.nodes) {
      const { exit, lastWords } = node.life;
      if (exit === undefined) continue;
      if (node !== entered) {
        this.failures.push(`${node.id} ended by itself: ${formatExit(exit)}\n${lastWords}`);
        this.#o.progress(`${node.id} ended by itself: ${formatExit(exit)}`);
      }
      try {
        await node.start();
      } catch (error) {
        // The next round tries again; `notBackMax` ends this.
        this.failures.push(`${node.id} does not start: ${(error as Error).message}`);
      }
    }
  }
}

function drawn(nodes: readonly ClusterNode[], draw: number): ClusterNode {
  return nodes[Math.floor(draw * nodes.length)] as ClusterNode;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);
