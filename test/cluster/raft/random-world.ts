/**
 * A group under a network and disks that one seed makes misbehave: loss, delay, late doubles of older connections, cuts in
 * one or both directions, lost power, membership changes, transfers, compaction, snapshots that fail, rotten entries.
 *
 * Leaves to others: what must hold at all times (`random-oracle.ts`), and what must come back (`random.test.ts`).
 */
import { logIndex, type NodeId, nodeId } from '../../../runtime/base/ids.ts';
import type { Configuration, Effects, Outgoing, RaftEvent, Settings } from '../../../cluster/raft/protocol.ts';
import { chanceOf } from './random-chance.ts';
import { type Copy, RandomCopies } from './random-copies.ts';
import { RandomOracle } from './random-oracle.ts';
import { emptyDisk, SimpleHost } from './simple-host.ts';

const settings: Settings = { windowBytesMax: 60, appendBytesMax: 25, retryMs: 40, transferMsMax: 200 };

const logKinds: ReadonlySet<string> = new Set(['append', 'appendAnswer', 'install']);

interface Way {
  isCut: boolean;
  readonly queue: Outgoing[];
  /** Of older connections; the transport promises that they never come, the core must not mind. */
  readonly late: Outgoing[];
}

export class RandomWorld {
  readonly hosts: SimpleHost[] = [];
  readonly oracle = new RandomOracle();
  readonly counts = {
    elections: 0,
    commits: 0,
    reads: 0,
    snapshots: 0,
    changes: 0,
    transfers: 0,
    restarts: 0,
    damages: 0,
  };
  /** Kept for the story of a failure. */
  readonly story: string[] = [];
  readonly chance: (below: number) => number;
  nowMs = 0;
  readonly #ways = new Map<string, Way>();
  readonly #copies: RandomCopies;
  readonly #believesDead = new Set<string>();
  #payload = 0;
  #token = 0;
  readonly #isRotten: boolean;
  readonly #tells: boolean;
  readonly #happenings: readonly (readonly [weight: number, happen: () => void])[];

  constructor(seed: number, tells = false) {
    this.#tells = tells;
    this.chance = chanceOf(seed);
    const all = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'].slice(0, this.chance(5) === 0 ? 7 : 5).map(nodeId);
    const count = 1 + this.chance(all.length);
    const voters = all.slice(0, count);
    const witness = count >= 3 && this.chance(3) === 0 ? voters[count - 1]! : null;
    this.#isRotten = this.chance(4) === 0;
    const first: Configuration = { voters, learners: [], witness };
    for (const node of all) {
      const configuration = voters.includes(node) ? first : { voters: [], learners: [], witness: null };
      const send = (outgoing: Outgoing): void => this.#send(node, outgoing);
      this.hosts.push(new SimpleHost(node, emptyDisk(configuration), settings, send));
    }
    this.#copies = new RandomCopies(this.chance, (copy, isInstalled) => this.#copyEnded(copy, isInstalled));
    this.#happenings = this.#mood();
  }

  get leader(): SimpleHost | undefined {
    const leaders = this.hosts.filter(({ group }) => group.role === 'leader');
    return leaders.toSorted((a, b) => b.group.term - a.group.term)[0];
  }

  state(): string {
    return this.hosts
      .map(({ id, group }) => {
        const { role, term, leader, serves, committed, lastPosition, base, isInstalling, damagedFrom } = group;
        const { configuration, wakeAtMs, suspects } = group;
        const followers = [...group.followers.values()];
        const facts = { role, term, leader, serves, committed, lastPosition, base, isInstalling, damagedFrom };
        return `${id} ${JSON.stringify({ ...facts, configuration, wakeAtMs, suspects: [...suspects], followers })}`;
      })
      .join('\n');
  }

  /** One thing happens. */
  act(): void {
    this.nowMs += this.chance(4);
    let dice = (this.chance(100_000) / 100_000) * this.#happenings.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, happen] of this.#happenings) {
      dice -= weight;
      if (dice < 0) return happen();
    }
  }

  /** What may happen, how often: work goes on as ever; of the faults, each seed has some often and some never. */
  #mood(): (readonly [weight: number, happen: () => void])[] {
    const fault = (weight: number): number => weight * [0, 1, 1, 5][this.chance(4)]!;
    return [
      [50, () => this.#deliverSome()],
      [12, () => this.#flushSome(this.#any())],
      [10, () => this.#proposeAnywhere(this.#any())],
      [7, () => this.#time(this.#any())],
      [4, () => this.#look(this.#any(), this.#any())],
      [4, () => this.#campaignSomewhere()],
      [3, () => this.#readEverywhere()],
      [2, () => this.#endCopies()],
      [fault(2), () => this.#change()],
      [fault(1), () => this.#transfer()],
      [fault(1), () => this.restart(this.#any())],
      [this.#isRotten ? fault(1) : 0, () => this.#rot(this.#any())],
      [fault(0.05), () => this.hosts.forEach((host) => this.restart(host))],
      [fault(1), () => this.#cutOrHeal()],
      // More than fits into one msg, and at a leader that is cut off a tail that goes again.
      [fault(0.5), () => this.#burst()],
      [fault(2), () => this.reset(this.#any(), this.#any())],
      [fault(2), () => this.#compact(this.#any())],
    ];
  }

  /** All faults end; nodes that are up hear each other; whoever's turn it is campaigns. Runs for a while. */
  heal(rounds: number): void {
    for (const way of this.#ways.values()) {
      way.isCut = false;
      way.late.length = 0;
    }
    for (const a of this.hosts) for (const b of this.hosts) if (a !== b) this.reset(a, b);
    for (let round = 0; round < rounds; round++) {
      this.nowMs += 20;
      for (const a of this.hosts) for (const b of this.hosts) this.#look(a, b);
      this.#endCopies();
      for (const host of this.hosts) this.#time(host);
      this.drain();
      const host = this.hosts[round % this.hosts.length]!;
      if (round % 3 === 0) this.#maybeCampaign(host);
    }
  }

  drain(): void {
    for (let i = 0; i < 20_000; i++) {
      for (const host of this.hosts) this.#flush(host, host.pending);
      const [key, way] = [...this.#ways].find(([, { queue }]) => queue.length > 0) ?? [];
      if (key === undefined) return;
      this.#deliver(key, way!.queue.shift()!);
    }
    throw new Error('msgs never end');
  }

  step(host: SimpleHost, event: RaftEvent): Effects {
    if (this.#tells) this.story.push(`${this.nowMs} ${host.id} ${JSON.stringify(event)}`);
    const effects = host.handle(event, this.nowMs);
    if (this.#tells)
      this.story.push(`     ${JSON.stringify(effects, (_, value: unknown) => (isNothing(value) ? undefined : value))}`);
    this.oracle.stepped(this.hosts, host, effects, this.#isRotten);
    if (effects.role?.role === 'leader' && !effects.role.serves) this.counts.elections++;
    if (effects.committed !== null) this.counts.commits++;
    this.counts.reads += effects.reads.length;
    if (effects.snapshotFor !== null) {
      this.counts.snapshots++;
      const { to, base } = effects.snapshotFor;
      this.#copies.begin(host.id, to, base.index, this.nowMs);
    }
    return effects;
  }

  propose(host: SimpleHost): void {
    const entries = Array.from({ length: 1 + this.chance(3) }, () => ({
      bytes: this.chance(20),
      payload: ++this.#payload,
    }));
    this.step(host, { kind: 'propose', entries });
  }

  read(host: SimpleHost): void {
    const token = ++this.#token;
    this.oracle.readAsked(token);
    this.step(host, { kind: 'read', token });
  }

  /** Also at one that was deposed and does not know. */
  #readEverywhere(): void {
    for (const host of this.hosts) if (host.group.role === 'leader') this.read(host);
  }

  restart(host: SimpleHost): void {
    this.counts.restarts++;
    if (this.#tells) this.story.push(`${this.nowMs} ${host.id} restarts`);
    host.restart(this.chance(host.pending + 1));
    this.oracle.restarted(host);
    this.#copies.cutShort(host.id);
    if (this.#isRotten && this.chance(4) === 0) this.#rot(host);
    for (const other of this.hosts) if (other !== host) this.reset(host, other);
  }

  reset(a: SimpleHost, b: SimpleHost): void {
    if (a === b) return;
    for (const way of [this.#way(a.id, b.id), this.#way(b.id, a.id)]) {
      const lost = way.queue.splice(0);
      for (const outgoing of lost) if (this.chance(4) === 0) way.late.push(outgoing);
    }
    this.step(a, { kind: 'linkReset', node: b.id });
    this.step(b, { kind: 'linkReset', node: a.id });
  }

  hearsLeader(host: SimpleHost): boolean {
    return this.hosts.some(
      (other) =>
        other !== host &&
        other.group.role === 'leader' &&
        // One of an older term cannot lead this host any more (plan §7).
        other.group.term >= host.group.term &&
        this.#isLinked(host, other) &&
        !this.#holdsDead(host, other),
    );
  }

  #rot(host: SimpleHost): void {
    const { entries } = host.durable;
    // One rotten disk at a time, of three that hold mail at least: more would be lost mail, not a bug.
    const areOthersWhole = this.hosts.every(({ durable }) => durable === host.durable || !durable.isInstalling);
    if (entries.length === 0 || this.#isAnyRotten || !areOthersWhole || this.#fewestFullVoters < 3) return;
    this.counts.damages++;
    host.durable.damaged.add(entries[this.chance(entries.length)]!.index);
    host.restart();
    this.oracle.restarted(host);
  }

  get #isAnyRotten(): boolean {
    return this.hosts.some((host) => host.durable.damaged.size > 0);
  }

  /** By any configuration that somebody still goes by. */
  get #fewestFullVoters(): number {
    const counts = this.hosts.map(({ group: { configuration } }) => {
      const full = configuration.voters.filter((voter) => voter !== configuration.witness);
      return full.length === 0 ? Number.POSITIVE_INFINITY : full.length;
    });
    return Math.min(...counts);
  }

  #any(): SimpleHost {
    return this.hosts[this.chance(this.hosts.length)]!;
  }

  #way(from: NodeId, to: NodeId): Way {
    const key = `${from} ${to}`;
    const way = this.#ways.get(key) ?? { isCut: false, queue: [], late: [] };
    this.#ways.set(key, way);
    return way;
  }

  #send(from: NodeId, outgoing: Outgoing): void {
    const way = this.#way(from, outgoing.to);
    if (!way.isCut) way.queue.push(outgoing);
  }

  #deliverSome(): void {
    for (let i = this.chance(4); i >= 0; i--) this.#deliverOne();
  }

  #deliverOne(): void {
    const ready = [...this.#ways].filter(([, { queue, late }]) => queue.length + late.length > 0);
    if (ready.length === 0) return;
    const [key, way] = ready[this.chance(ready.length)]!;
    const isLate = way.late.length > 0 && (way.queue.length === 0 || this.chance(3) === 0);
    // Votes and read rounds have a lane of their own, so they overtake the log.
    const first = this.chance(4) === 0 ? way.queue.findIndex(({ message }) => !logKinds.has(message.kind)) : 0;
    const [list, at] = isLate ? [way.late, this.chance(way.late.length)] : [way.queue, Math.max(0, first)];
    this.#deliver(key, list.splice(at, 1)[0]!);
  }

  #deliver(key: string, outgoing: Outgoing): void {
    const from = nodeId(key.split(' ')[0]!);
    const host = this.#host(outgoing.to);
    this.step(host, { kind: 'message', from, message: outgoing.message, hearsLeader: this.hearsLeader(host) });
  }

  #host(node: NodeId): SimpleHost {
    return this.hosts.find((host) => host.id === node)!;
  }

  #flushSome(host: SimpleHost): void {
    for (const other of this.hosts)
      if (other === host || this.chance(3) === 0) this.#flush(other, 1 + this.chance(other.pending + 1));
  }

  #flush(host: SimpleHost, count: number): void {
    for (const event of host.flush(count)) {
      // A word about a repair that came too late: the rot was truncated, or a copy began that lies behind it.
      const known = host.group.damagedFrom ?? Number.POSITIVE_INFINITY;
      if (event.kind === 'repaired' && known >= (event.damagedFrom ?? Number.POSITIVE_INFINITY)) continue;
      this.step(host, event);
    }
  }

  #time(host: SimpleHost): void {
    if (host.group.wakeAtMs !== null && host.group.wakeAtMs <= this.nowMs) this.step(host, { kind: 'time' });
  }

  #isLinked(a: SimpleHost, b: SimpleHost): boolean {
    return !this.#way(a.id, b.id).isCut && !this.#way(b.id, a.id).isCut;
  }

  #holdsDead(a: SimpleHost, b: SimpleHost): boolean {
    return this.#believesDead.has(`${a.id} ${b.id}`);
  }

  /** What liveness of `a` finds out about `b`. */
  #look(a: SimpleHost, b: SimpleHost): void {
    if (a === b) return;
    const isAlive = this.#isLinked(a, b);
    if (this.#holdsDead(a, b) === isAlive || a.group.suspects.has(b.id) === isAlive) {
      if (isAlive) this.#believesDead.delete(`${a.id} ${b.id}`);
      else this.#believesDead.add(`${a.id} ${b.id}`);
      this.step(a, { kind: 'alive', node: b.id, isAlive });
    }
    if (isAlive && b.group.role === 'leader' && !b.group.mustWait) {
      this.step(a, { kind: 'claimed', leader: b.id, term: b.group.term });
    }
  }

  #proposeAnywhere(host: SimpleHost): void {
    this.propose(host.group.role === 'leader' ? host : (this.leader ?? host));
  }

  #burst(): void {
    for (const host of this.hosts) {
      for (let i = 0; host.group.role === 'leader' && i < 6; i++) this.propose(host);
    }
  }

  #campaignSomewhere(): void {
    const wanting = this.hosts.find((host) => !this.hearsLeader(host) && this.chance(2) === 0);
    this.#maybeCampaign(wanting ?? this.#any());
  }

  #maybeCampaign(host: SimpleHost): void {
    if (!this.hearsLeader(host) || this.chance(20) === 0) this.step(host, { kind: 'campaign' });
  }

  #change(): void {
    const host = this.leader;
    if (host === undefined) return;
    const { voters, learners } = host.group.configuration;
    const node = this.#any().id;
    this.counts.changes++;
    const isMember = voters.includes(node) || learners.includes(node);
    const kind = !isMember ? 'addLearner' : learners.includes(node) ? 'promote' : 'remove';
    if (kind === 'remove' && this.#isAnyRotten) return;
    const isWitness = host.group.configuration.witness === null && this.chance(4) === 0;
    const change = kind === 'promote' ? ({ kind, node, isWitness } as const) : ({ kind, node } as const);
    this.step(host, { kind: 'changeConfiguration', change });
  }

  #transfer(): void {
    const host = this.leader;
    if (host === undefined) return;
    this.counts.transfers++;
    this.step(host, { kind: 'transfer', to: this.#any().id });
  }

  #cutOrHeal(): void {
    const [a, b, dice] = [this.#any(), this.#any(), this.chance(6)];
    // The leader alone, both ways: it goes on in its belief while others elect another.
    if (dice < 2) for (const other of this.hosts) this.#cut(this.leader ?? a, other, true);
    else if (dice === 2) for (const other of this.hosts) this.#cut(a, other, this.chance(3) > 0);
    else if (dice === 3) this.#cut(a, b, this.chance(2) === 0);
    else if (dice === 4) for (const way of this.#ways.values()) way.isCut = false;
  }

  #cut(a: SimpleHost, b: SimpleHost, isBothWays: boolean): void {
    this.#way(a.id, b.id).isCut = true;
    if (isBothWays) this.#way(b.id, a.id).isCut = true;
  }

  #compact(host: SimpleHost): void {
    const { group } = host;
    const upTo = Math.min(group.committedIndex, host.durable.base.index + host.durable.entries.length, group.durable);
    if (host.durable.isInstalling || upTo <= group.base.index) return;
    this.step(host, { kind: 'compacted', upTo: logIndex(upTo - this.chance(Math.min(3, upTo - group.base.index))) });
  }

  #endCopies(): void {
    this.#copies.endDue(this.nowMs, (copy) => {
      const [from, to] = [this.#host(copy.from), this.#host(copy.to)];
      const isThere = to.durable.isInstalling && to.group.isInstalling && to.group.base.index >= copy.base;
      return isThere && this.#isLinked(from, to);
    });
  }

  #copyEnded({ from, to }: Copy, isInstalled: boolean): void {
    const sender = this.#host(from);
    if (isInstalled) this.step(this.#host(to), { kind: 'installed' });
    if (sender.group.role === 'leader') this.step(sender, { kind: 'snapshotSent', to, isInstalled });
  }
}

function isNothing(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
