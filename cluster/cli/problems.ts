/**
 * What is wrong with the cluster and what to do about it, and what its size means even when nothing is wrong.
 *
 * Promises: worst first; each problem names its cure, and only cures that exist.
 * Leaves to others: the facts (`facts.ts`), how lines look (`screens.ts`).
 */
import { formatCount, formatPlural, formatTime } from '../../runtime/cli/units.ts';
import { livenessSettings } from '../liveness/settings.ts';
import type { ClusterFacts, MemberFact, ShardFact } from './facts.ts';
import { livesHere } from './facts.ts';

export interface Problem {
  readonly text: string;
  readonly cure: string;
}

/** A clock that is off by less is nobody's trouble yet. */
const clockOffMsWarn = 1_000;
/** Whom the door turned away longer ago than this is history. */
const refusalMsMax = 10 * 60_000;
const refusalsShownMax = 5;

export function problemsOf(facts: ClusterFacts): Problem[] {
  return [
    ...ofThisNode(facts),
    ...facts.members.flatMap((member) => ofMember(member, facts)),
    ...ofShards(facts),
    ...ofClocks(facts),
    ...ofStrangers(facts),
  ];
}

function ofThisNode({ report, members, sum }: ClusterFacts): Problem[] {
  const { self, map } = report;
  const found: Problem[] = [];
  // Of a lone node it is no trouble before another one wants to join: `plainWords` has it.
  if (self.meshProblem !== null && members.length > 1) {
    const { text, cure } = withCure(
      self.meshProblem,
      'choose an address for mesh.listen in ringpost.toml, then restart',
    );
    found.push({ text: `no other node reaches this one: ${text}`, cure });
  }
  if (self.unfitReason !== null) {
    const [text = '', cure = 'see the log of this node'] = self.unfitReason.split('; ');
    found.push({ text: `${self.id} leads nothing: ${text}`, cure });
  }
  if (map === null) {
    found.push({
      text: 'this node does not know yet who is in the cluster',
      cure: 'wait a moment; if it stays so, start the other nodes, or name one that has moved with --set mesh.seeds=HOST:PORT',
    });
  }
  const others = members.filter((member) => livesHere(member) && !member.isSelf && member.state !== 'admitted');
  // Of two nodes it is said already that the other one is dead.
  if (others.length > 1 && others.every(({ alive }) => !alive)) {
    const what = sum.served === 0 ? 'it takes no mail' : `${formatCount(sum.total - sum.served)} shards are stopped`;
    found.push({
      text: `${self.id} reaches none of the others${sum.served === sum.total ? '' : `, so ${what}`}`,
      cure: `look at the network of this node; the others should be at ${addressesOf(others)}`,
    });
  }
  return found;
}

const addressesOf = (members: readonly MemberFact[]): string =>
  members.map(({ id, address }) => `${id} ${address ?? '(unknown)'}`).join(', ');

function ofMember(member: MemberFact, facts: ClusterFacts): Problem[] {
  const { id, address, lastRefusal } = member;
  if (member.isSelf || !livesHere(member)) return [];
  if (member.state === 'admitted') {
    return [{ text: `${id} has joined and was not started yet`, cure: 'on its machine: ringpost start --data DIR' }];
  }
  if (!member.alive) {
    const until = isTwo(facts) && facts.sum.served === 0 ? '; until then nothing is taken' : '';
    const startIt = `start it again on its machine: ringpost start --data DIR${until}`;
    if (lastRefusal !== null) {
      const { text, cure } = withCure(lastRefusal.text, 'see the logs of both nodes');
      return [{ text: `${deathOf(member, facts)} · turned away: ${text} [${lastRefusal.code}]`, cure }];
    }
    return [{ text: deathOf(member, facts), cure: `${startIt}; if it runs, look at the way to ${address ?? 'it'}` }];
  }
  const peer = facts.report.peers.find((each) => each.id === id);
  if (peer?.isFit !== false) return [];
  return [
    {
      text: `${id} leads nothing: its disk, its loop or its clock is not sound`,
      cure: 'ringpost cluster status there',
    },
  ];
}

/** The plan's line: `n2 dead since 14:03:07Z · 85 shards back in 0.6 s · copies 2 of 3`. */
function deathOf({ id, sinceMs }: MemberFact, { report, shards, goal }: ClusterFacts): string {
  const parts = [
    sinceMs === null
      ? `${id} not heard since this node started at ${formatMoment(report.self.startedMs, report.nowMs)}`
      : `${id} dead since ${formatMoment(sinceMs, report.nowMs)}`,
  ];
  const takeover = report.takeovers.find(({ node }) => node === id);
  if (takeover !== undefined && takeover.shards > 0) {
    const all = formatPlural(takeover.shards, 'shard');
    parts.push(
      takeover.backMs === null
        ? `${formatCount(takeover.shardsBack)} of ${all} back`
        : `${all} back in ${(takeover.backMs / 1_000).toFixed(1)} s`,
    );
  }
  const touched = shards.filter(({ voters, copies }) => copies !== null && voters?.includes(id) === true);
  if (touched.length > 0 && goal !== null) {
    const fewest = touched.reduce((least, { copies }) => Math.min(least, copies ?? 0), goal);
    parts.push(`copies ${fewest} of ${goal}`);
  }
  return parts.join(' · ');
}

function ofShards({ shards, metadata, sum }: ClusterFacts): Problem[] {
  const found: Problem[] = [];
  const of = (state: ShardFact['state']): readonly ShardFact[] => shards.filter((shard) => shard.state === state);
  const stopped = of('stopped');
  if (stopped.length > 0) {
    found.push({
      text: `${formatPlural(stopped.length, 'shard')} ${isAre(stopped)} stopped: too few of their copies are reached`,
      cure: `bring back enough of ${votersOf(stopped)}; mail for them waits at its senders meanwhile, and nothing is lost`,
    });
  }
  const leaderless = of('leaderless');
  if (leaderless.length > 0) {
    found.push({
      text: `${formatPlural(leaderless.length, 'shard')} ${isAre(leaderless)} without a leader`,
      cure: 'wait: they elect one within a second; if it stays so, see the logs of the nodes',
    });
  }
  const damaged = of('damaged');
  if (damaged.length > 0) {
    found.push({
      text: `the copies of ${formatPlural(damaged.length, 'shard')} on this node are damaged`,
      cure: 'they are made anew from the others; look after the disk of this node',
    });
  }
  if (!metadata.isServed) {
    found.push({
      text: `nobody leads the metadata: ${sum.served > 0 ? 'mail goes on, ' : ''}no node can join or come back under another address`,
      cure: `bring back enough of ${votersOf([metadata])}`,
    });
  }
  return found;
}

const isAre = ({ length }: readonly unknown[]): string => (length === 1 ? 'is' : 'are');
const votersOf = (shards: readonly ShardFact[]): string =>
  [...new Set(shards.flatMap(({ voters }) => voters ?? []))].sort().join(', ') || 'the other nodes';

/** Each clock against the median of all that are known: one that is wrong is told from those that are right. */
function ofClocks({ members }: ClusterFacts): Problem[] {
  const known = members.filter(({ clockAheadMs, alive }) => alive && clockAheadMs !== null);
  if (known.length < 2) return [];
  const ahead = known.map(({ clockAheadMs }) => clockAheadMs ?? 0).sort((a, b) => a - b);
  const low = ahead[Math.ceil(ahead.length / 2) - 1] ?? 0;
  const high = ahead[Math.floor(ahead.length / 2)] ?? 0;
  return known.flatMap(({ id, clockAheadMs }): Problem[] => {
    const own = clockAheadMs ?? 0;
    // With two clocks nobody knows which one is wrong: then each is off from the other.
    const offMs =
      own < low ? own - low : own > high ? own - high : known.length === 2 ? own - (own === low ? high : low) : 0;
    if (Math.abs(offMs) < clockOffMsWarn) return [];
    const way = offMs > 0 ? 'ahead of' : 'behind';
    const leads = Math.abs(offMs) > livenessSettings.wallOffMsMax ? ', so it leads nothing' : '';
    const text = `the clock of ${id} is ${formatSpan(Math.abs(offMs))} ${way} the others${leads}`;
    return [{ text, cure: `let NTP set the clock of ${id}` }];
  });
}

function ofStrangers({ report, members }: ClusterFacts): Problem[] {
  const ofMembers = new Set(members.filter(({ lastRefusal }) => lastRefusal !== null).map(({ id }) => id as string));
  const recent = report.refusals.filter(
    ({ atMs, from }) => report.nowMs - atMs <= refusalMsMax && !ofMembers.has(from),
  );
  return recent.slice(0, refusalsShownMax).map(({ atMs, from, code, text: said, count }) => {
    const { text, cure } = withCure(said, 'find out what runs there');
    const times = count === 1 ? '' : ` · ${formatCount(count)} times`;
    return { text: `turned away: ${from}: ${text} [${code}]${times} · ${formatMoment(atMs, report.nowMs)}`, cure };
  });
}

/** What the number of nodes means (plan §8), as lines. Nothing to mend: so it is, with so many nodes. */
export function plainWords({ report, members, goal, shards }: ClusterFacts): string[] {
  const nodes = members.filter(({ state }) => state === 'member' || state === 'leaving');
  if (nodes.length <= 1) {
    const { meshProblem } = report.self;
    return [
      'One node: what it has accepted survives its restarts and crashes, and not the loss of this machine.',
      meshProblem === null
        ? 'More nodes: ringpost token create here, ringpost join on two other machines.'
        : `None can join it: ${meshProblem}`,
    ];
  }
  if (nodes.length === 2) {
    return [
      'Two nodes: each mail is on both disks. When one of them dies, the other takes no mail (451) until it is back.',
      'With a third node (ringpost token create, ringpost join) any one may die.',
    ];
  }
  const copies = goal ?? 0;
  const atGoal = shards.filter(({ voters }) => copies > 0 && (voters?.length ?? 0) >= copies).length;
  if (copies < 3 || atGoal < shards.length)
    return ['Until all shards have their copies, the death of a node may stop some.'];
  const spare = Math.floor((copies - 1) / 2);
  return [`${capital(inWords(nodes.length))} nodes: ${spare === 1 ? 'any one' : `any ${inWords(spare)}`} may die.`];
}

/** How far the copies have come: `shards with three copies: 180 of 256`. Null: they are all there, or it is not known. */
export function growthOf({ shards, goal }: ClusterFacts): string | null {
  if (goal === null) return null;
  const there = shards.filter(({ voters }) => (voters?.length ?? 0) >= goal).length;
  if (there === shards.length) return null;
  return `shards with ${inWords(goal)} ${goal === 1 ? 'copy' : 'copies'}: ${formatCount(there)} of ${formatCount(shards.length)}`;
}

const isTwo = ({ members }: ClusterFacts): boolean =>
  members.filter(({ state }) => state === 'member' || state === 'leaving').length === 2;

const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];
export const inWords = (count: number): string => words[count] ?? formatCount(count);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `14:03:07Z`, with the date when it was another day. */
export function formatMoment(ms: number, nowMs: number): string {
  const [day = '', time = ''] = formatTime(ms).split('T');
  const short = `${time.slice(0, 8)}Z`;
  return formatTime(nowMs).startsWith(day) ? short : `${day} ${short}`;
}

/** `0.4 s`, `10.0 min`, `3.5 h`, `2.0 d`. */
export function formatSpan(ms: number): string {
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${(ms / 60_000).toFixed(1)} min`;
  return ms < 172_800_000 ? `${(ms / 3_600_000).toFixed(1)} h` : `${(ms / 86_400_000).toFixed(1)} d`;
}

function withCure(said: string, otherwise: string): Problem {
  const [text = '', cure] = said.split(/[.;] Cure: /);
  return { text: text.replace(/\.$/, ''), cure: cure ?? otherwise };
}
