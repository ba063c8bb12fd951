/**
 * From a node's report to what the screens show: one row a shard, one row a node, and what they sum up to.
 *
 * Promises: of several views of one shard the newest term's leader counts, since only it knows what is committed; a shard
 * that nobody here has a replica of is shown by what its leader claims.
 * Leaves to others: what is wrong with it (`problems.ts`), how it looks (`screens.ts`).
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import type { ClusterReport, GroupReport, PeerReport } from '../report.ts';

/**
 * `ok`: led, and every copy that should be there is there and lives. `moving`: on its way to the copies that it should
 * have. `degraded`: all of them are there, and one is on a node that is dead. `leaderless`: nobody leads it now.
 * `stopped`: nobody can, since too few of its copies are reached. `damaged`: a copy here is.
 */
export type ShardState = 'ok' | 'moving' | 'degraded' | 'leaderless' | 'stopped' | 'damaged';

export interface ShardFact {
  readonly shard: number;
  readonly leader: NodeId | null;
  readonly term: number | null;
  /** Null: not known here. */
  readonly voters: readonly NodeId[] | null;
  readonly learners: readonly NodeId[];
  /** Null: no map yet. */
  readonly desired: readonly NodeId[] | null;
  readonly committed: number | null;
  /** Voters that live, as far as this node sees. */
  readonly copies: number | null;
  readonly isServed: boolean;
  readonly state: ShardState;
}

export interface MemberFact {
  readonly id: NodeId;
  /** `admitted`: it has not started yet. `unknown`: it is in no map that this node knows. */
  readonly state: 'member' | 'leaving' | 'removed' | 'admitted' | 'unknown';
  readonly isSelf: boolean;
  readonly alive: boolean;
  readonly sinceMs: number | null;
  readonly address: string | null;
  readonly zone: string;
  readonly host: string;
  readonly version: string | null;
  readonly incarnation: number | null;
  readonly leads: number;
  /** Shards that it votes in. */
  readonly replicas: number;
  /** Its clock less this node's. */
  readonly clockAheadMs: number | null;
  readonly lastRefusal: PeerReport['refusal'];
}

export interface ShardSum {
  readonly total: number;
  readonly served: number;
  /** With exactly the copies that they should have. */
  readonly atGoal: number;
  /** Number of living copies -> shards. */
  readonly copies: Readonly<Record<string, number>>;
}

export interface ClusterFacts {
  readonly report: ClusterReport;
  /** By id. */
  readonly members: readonly MemberFact[];
  /** Of actors: 0 … shardCount - 1. */
  readonly shards: readonly ShardFact[];
  /** The metadata group. */
  readonly metadata: ShardFact;
  readonly sum: ShardSum;
  /** Copies that a shard should have now; null: not known. */
  readonly goal: number | null;
}

export function factsOf(report: ClusterReport): ClusterFacts {
  const living = livingNodes(report);
  const views = bestViews(report.groups);
  const claims = bestClaims(report, living);
  const all = Array.from({ length: report.shardCount + 1 }, (_, shard) =>
    shardFact(report, shard, views.get(shard), claims.get(shard), living),
  );
  const shards = all.slice(0, report.shardCount);
  const goals = shards.map(({ desired }) => desired?.length ?? 0);
  return {
    report,
    shards,
    metadata: all[report.shardCount] as ShardFact,
    members: membersOf(report, shards, living),
    sum: sumOf(shards),
    goal: report.placement === null ? null : goals.reduce((most, each) => Math.max(most, each), 0),
  };
}

function livingNodes({ self, peers }: ClusterReport): ReadonlySet<NodeId> {
  return new Set([self.id, ...peers.filter(({ status }) => status === 'alive').map(({ id }) => id)]);
}

/** A leader of a newer term knows more than any other; of one term, whoever has more committed. */
function bestViews(groups: readonly GroupReport[]): ReadonlyMap<number, GroupReport> {
  const best = new Map<number, GroupReport>();
  for (const group of groups) {
    const before = best.get(group.shard);
    if (before === undefined || knowsMore(group, before)) best.set(group.shard, group);
  }
  return best;
}

function knowsMore(one: GroupReport, other: GroupReport): boolean {
  if (one.term !== other.term) return one.term > other.term;
  if (one.role !== other.role && (one.role === 'leader' || other.role === 'leader')) return one.role === 'leader';
  return one.committed > other.committed;
}

interface Claimed {
  readonly node: NodeId;
  readonly term: number;
}

function bestClaims({ claims }: ClusterReport, living: ReadonlySet<NodeId>): ReadonlyMap<number, Claimed> {
  const best = new Map<number, Claimed>();
  for (const { node, shard, term } of claims) {
    if (!living.has(node)) continue;
    if (term > (best.get(shard)?.term ?? -1)) best.set(shard, { node, term });
  }
  return best;
}

function shardFact(
  { placement }: ClusterReport,
  shard: number,
  view: GroupReport | undefined,
  claim: Claimed | undefined,
  living: ReadonlySet<NodeId>,
): ShardFact {
  // A claim of the same term is the same leader; a newer one has not reached the replica here.
  const isClaimNewer = claim !== undefined && (view === undefined || claim.term > view.term || view.leader === null);
  const leader = isClaimNewer ? claim.node : (view?.leader ?? null);
  const isLed = leader !== null && living.has(leader);
  const isServed = isLed && (isClaimNewer || view?.role !== 'leader' || view.isServed);
  const voters = view?.voters ?? null;
  const desired = placement?.voters[shard] ?? null;
  const copies = voters?.filter((node) => living.has(node) && node !== view?.witness).length ?? null;
  const fact = { shard, voters, desired, copies, isServed, learners: view?.learners ?? [] };
  return {
    ...fact,
    leader: isLed ? leader : null,
    term: isClaimNewer ? claim.term : (view?.term ?? null),
    committed: view?.committed ?? null,
    state: view !== undefined && view.damagedFrom !== null ? 'damaged' : stateOf(fact, isLed, living),
  };
}

function stateOf(
  { voters, desired, learners }: Pick<ShardFact, 'voters' | 'desired' | 'learners'>,
  isLed: boolean,
  living: ReadonlySet<NodeId>,
): ShardState {
  if (!isLed) {
    const reached = voters?.filter((node) => living.has(node)).length ?? 0;
    return voters !== null && reached * 2 <= voters.length ? 'stopped' : 'leaderless';
  }
  // Led by another node, without a replica here: what it should have is taken for what it has.
  if (voters === null) return 'ok';
  if (desired !== null && !isSameSet(voters, desired)) return 'moving';
  if (learners.some((node) => desired?.includes(node) === true)) return 'moving';
  return voters.every((node) => living.has(node)) ? 'ok' : 'degraded';
}

export function isSameSet(some: readonly NodeId[], others: readonly NodeId[]): boolean {
  return some.length === others.length && some.every((node) => others.includes(node));
}

function sumOf(shards: readonly ShardFact[]): ShardSum {
  const copies: Record<string, number> = {};
  for (const shard of shards) {
    const count = String(shard.copies ?? '?');
    copies[count] = (copies[count] ?? 0) + 1;
  }
  return {
    total: shards.length,
    served: shards.filter(({ isServed }) => isServed).length,
    atGoal: shards.filter(isAtGoal).length,
    copies,
  };
}

const isAtGoal = ({ voters, desired }: ShardFact): boolean =>
  voters !== null && desired !== null && isSameSet(voters, desired);

function membersOf(report: ClusterReport, shards: readonly ShardFact[], living: ReadonlySet<NodeId>): MemberFact[] {
  const { self, map } = report;
  const records = new Map(map?.nodes.map((node) => [node.id, node]));
  const peers = new Map(report.peers.map((peer) => [peer.id, peer]));
  const ids = [...new Set([self.id, ...records.keys(), ...peers.keys()])].sort();
  return ids.map((id): MemberFact => {
    const record = records.get(id);
    const peer = peers.get(id);
    const isSelf = id === self.id;
    const isAdmitted = record?.state === 'member' && record.started === null && !isSelf && !living.has(id);
    return {
      id,
      isSelf,
      state: isAdmitted ? 'admitted' : (record?.state ?? 'unknown'),
      alive: living.has(id),
      sinceMs: isSelf ? self.startedMs : (peer?.sinceMs ?? null),
      // A peer that dialled us is linked from a port where nobody listens.
      address: isSelf ? self.meshAddress : record?.address || peer?.address || null,
      zone: record?.zone ?? '',
      host: record?.host ?? '',
      version: (isSelf ? self.version : peer?.version) ?? record?.started?.version ?? null,
      incarnation: (isSelf ? self.incarnation : peer?.incarnation) ?? record?.started?.incarnation ?? null,
      leads: shards.filter(({ leader }) => leader === id).length,
      replicas: shards.filter(({ voters }) => voters?.includes(id) === true).length,
      clockAheadMs: isSelf ? 0 : (peer?.wallAheadMs ?? null),
      lastRefusal: peer?.refusal ?? null,
    };
  });
}

/** Who should be there: neither removed nor a stranger. */
export const livesHere = ({ state }: MemberFact): boolean => state !== 'removed' && state !== 'unknown';
