/**
 * One seed from its first event to the last check:
 *
 *     start, set up  ->  clients and faults  ->  heal, clients come to an end  ->  all at rest  ->  final check
 */
import { OperationError } from '../../runtime/base/errors.ts';
import { Courier } from './clients/courier.ts';
import { Edge } from './clients/edge.ts';
import { ImapClient } from './clients/imap-client.ts';
import { ProbeClient } from './clients/probe-client.ts';
import { ProbeReader } from './clients/probe-reader.ts';
import { Remote } from './clients/remote.ts';
import { mailboxIdOf, setUp } from './clients/setup.ts';
import { SmtpClient } from './clients/smtp-client.ts';
import { healAll, scheduleFaults } from './faults.ts';
import { formCluster } from './forming.ts';
import { checkAtTheEnd, outboundIsAtRest } from './final-check.ts';
import { replace } from './old-disk.ts';
import { Availability } from './oracle/availability.ts';
import { whatIsMisplaced } from './oracle/placement-check.ts';
import { whatIsUnsettled } from './oracle/replica-check.ts';
import type { Plan } from './plan.ts';
import type { Machine } from './world/machine.ts';
import { SimWorld } from './world/sim-world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly hash: string;
  readonly broken: string | null;
  readonly story: readonly string[];
  readonly faultKinds: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
}

const setUpMsMax = 60_000;
/** After the last fault: what clients have begun is over, every queue is empty. Report back-off is 30 s and then a minute. */
const restMsMax = 200_000;
const checkMsMax = 120_000;
const lookMs = 500;
/** A timer looks at the wall clock as often (`runtime/actor/timers.ts`), by the slowest clock. */
const clockNoticedMs = 62_000;

export async function runSeed(plan: Plan, print: ((line: string) => void) | null): Promise<SeedResult> {
  const run = new SeedRun(plan, print);
  await run.toTheEnd();
  return run.result();
}

class SeedRun {
  readonly #world: SimWorld;
  readonly #edges: Edge[] = [];
  readonly #remote: Remote;
  #isOver = false;
  /** Why it is not at rest yet. */
  #restless: string | null = null;

  constructor(plan: Plan, print: ((line: string) => void) | null) {
    this.#world = new SimWorld(plan, print);
    this.#remote = new Remote(this.#world);
  }

  async toTheEnd(): Promise<void> {
    const world = this.#world;
    const { plan } = world;
    world.started = (machine) => this.#startCourier(machine);
    world.turnedAway = (machine) => replace(world, machine);
    for (const machine of world.machines) world.start(machine);
    await this.#phase('forming', formCluster(world, world.newCore('form')), setUpMsMax);
    await this.#phase('setting up', setUp(world), setUpMsMax);
    world.isSetUp = true;
    new Availability(world).watch();
    const clients = this.#startClients();
    scheduleFaults(world, plan.faults, world.nowMs, { restartEdge: (size) => this.#restartEdge(size) });
    await world.timeline.run(world.nowMs + plan.activeMs, () => this.#isBroken);
    world.isClosing = true;
    healAll(world);
    this.#remote.isKind = true;
    await this.#phase('clients', clients, restMsMax);
    await this.#phase('rest', this.#rest(), restMsMax);
    this.#isOver = true;
    await this.#phase('the last check', checkAtTheEnd(world, this.#newEdge('check')), checkMsMax);
  }

  result(): SeedResult {
    const { plan, trace, oracle, story, happened, counts } = this.#world;
    for (const machine of this.#world.machines) this.#world.countWays(machine);
    this.#world.count('maps', oracle.maps.size);
    this.#world.count('mails accepted', oracle.mails.accepted);
    this.#world.count('mails', oracle.mails.size);
    this.#world.count('commits', oracle.shards.commits);
    this.#world.count('mails taken elsewhere', oracle.outbound.takes);
    this.#world.count('doubles in doubt', oracle.outbound.doubles);
    this.#world.count('events', this.#world.timeline.events);
    this.#world.count('virtual seconds', Math.round(this.#world.nowMs / 1_000));
    return {
      ...{ seed: plan.seed, hash: trace.hash, broken: oracle.broken, story, faultKinds: [...happened] },
      counts: Object.fromEntries(counts),
    };
  }

  get #isBroken(): boolean {
    return this.#world.oracle.broken !== null;
  }

  /** Lets the world go on until that is done; not being done in time is a finding. */
  async #phase(name: string, work: Promise<unknown>, msMax: number): Promise<void> {
    const world = this.#world;
    if (this.#isBroken) return;
    let isDone = false;
    work.then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        isDone = true;
        world.oracle.fail(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      },
    );
    await world.timeline.run(world.nowMs + msMax, () => isDone || this.#isBroken);
    const why = this.#restless === null ? '' : `; ${this.#restless}`;
    if (!isDone) world.oracle.fail(`${name}: not done ${msMax / 1_000} s after all was healed${why}`);
  }

  #startClients(): Promise<unknown> {
    const world = this.#world;
    const { mix } = world.plan;
    const isOver = (): boolean => world.isClosing;
    const stories: Promise<void>[] = [];
    for (let i = 0; i < mix.smtpClients; i++) {
      stories.push(new SmtpClient(world, this.#newEdge(`smtp${i}`), `s${i}`).run(isOver));
    }
    for (let i = 0; i < mix.mailboxes; i++) {
      stories.push(new ImapClient(world, this.#newEdge(`imap${i}`), mailboxIdOf(i)).run(isOver));
    }
    for (let i = 0; i < mix.probeClients; i++) {
      stories.push(new ProbeClient(world, this.#newEdge(`probe${i}`), `c${i}`).run(isOver));
    }
    for (let i = 0; i < mix.readers; i++) {
      stories.push(new ProbeReader(world, this.#newEdge(`reader${i}`, true), `r${i}`).run(isOver));
    }
    return Promise.all(stories);
  }

  #startCourier(machine: Machine): void {
    const world = this.#world;
    const { life } = machine;
    if (life === null || !world.plan.mix.couriers) return;
    const edge = new Edge(world, `courier ${machine.id} ${life.number}`);
    const courier = new Courier(world, machine, life, edge, this.#remote);
    courier
      .run(() => this.#isOver)
      .catch((error: unknown) => {
        world.oracle.fail(`courier: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      });
  }

  #newEdge(name: string, isFaithful = false): Edge {
    const edge = new Edge(this.#world, name, isFaithful);
    this.#edges.push(edge);
    return edge;
  }

  #restartEdge(size: number): void {
    this.#edges[Math.floor(size * this.#edges.length)]?.restart();
  }

  /** Until timers have fired, notices have arrived, and queues are empty. */
  async #rest(): Promise<void> {
    const world = this.#world;
    const edge = this.#newEdge('rest');
    // As long as the longest timer of a probe, by the slowest clock; and until nodes notice that their clocks were set.
    await world.timeline.sleep(6_000 + 0.05 * world.nowMs + Math.min(world.clocksSetByMs, clockNoticedMs));
    do {
      await world.timeline.sleep(lookMs);
      this.#restless = await this.#whatIsLeft(edge);
    } while (this.#restless !== null);
  }

  async #whatIsLeft(edge: Edge): Promise<string | null> {
    const world = this.#world;
    if (world.damagedRows > 0) return 'a row is damaged';
    if (world.joining > 0) return 'a node is on its way in';
    for (const { id, node, hasJoined } of world.machines) {
      if (!hasJoined) continue;
      if (node === null) return `${id} is down`;
      if (!node.isQuiet) return `${id} has work: ${JSON.stringify(node.work())}`;
    }
    const unsettled = whatIsUnsettled(world) ?? whatIsMisplaced(world);
    if (unsettled !== null) return unsettled;
    if (!world.plan.mix.couriers) return null;
    try {
      return (await outboundIsAtRest(edge)) ? null : 'mail waits in a queue';
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      return `a queue does not answer: ${error.message}`;
    }
  }
}
