/**
 * Whether a cluster is whole, and who leads which shard, out of what its nodes report.
 *
 * Leaves to others: asking them (`ringpost-cluster.ts`), making sense of a report (`cluster/cli/facts.ts`).
 */

export interface ShardLeader {
  readonly shard: number;
  /** Null: nobody, or not known. */
  readonly leader: string | null;
  /** Null: not known. */
  readonly term: number | null;
}

/** A shard as one node sees it. */
export interface ShardView extends ShardLeader {
  /** Whose view it is. */
  readonly by: string;
  /** Null: it has no copy itself. */
  readonly voters: readonly string[] | null;
  readonly desired: readonly string[] | null;
}

/** The cluster as one node sees it. */
export interface ClusterView {
  readonly members: readonly { readonly alive: boolean }[];
  readonly sum: { readonly total: number; readonly served: number };
}

/** Leaders are within one of even by design; one may be on its way. */
const unevenMax = 2;

/**
 * @param views of all nodes
 * @returns what is not there yet; '' when all nodes live and every shard is served with all its copies
 */
export function missingOf({ members, sum }: ClusterView, views: readonly ShardView[], nodeCount: number): string {
  const atGoal = countAtGoal(views, sum.total);
  const alive = members.filter((node) => node.alive).length;
  const missing = [
    ...(alive === nodeCount && members.length === nodeCount ? [] : [`${alive} of ${nodeCount} nodes live`]),
    ...(sum.served === sum.total ? [] : [`${sum.served} of ${sum.total} shards are served`]),
    ...(atGoal === sum.total ? [] : [`${atGoal} of ${sum.total} shards have all copies`]),
  ];
  return missing.join(', ');
}

/**
 * Shards of mail, without the metadata behind them. Only whoever leads one knows who is in it: a node that left it is not
 * told any more, and goes on seeing itself there.
 */
function countAtGoal(views: readonly ShardView[], total: number): number {
  const best = new Map<number, ShardView>();
  for (const view of views) {
    const known = best.get(view.shard);
    const isNewer = known === undefined || (view.term ?? 0) > (known.term ?? 0);
    if (view.shard < total && view.leader === view.by && isNewer) best.set(view.shard, view);
  }
  return [...best.values()].filter(isAtGoal).length;
}

function isAtGoal({ voters, desired }: ShardView): boolean {
  return voters !== null && desired?.length === voters.length && desired.every((node) => voters.includes(node));
}

export function leadsOf(leaders: readonly ShardLeader[], node: string): number {
  return leaders.filter(({ leader }) => leader === node).length;
}

/** Every shard is led, and all nodes lead about as many. */
export function isSpread(leaders: readonly ShardLeader[], nodes: readonly string[]): boolean {
  const leads = nodes.map((node) => leadsOf(leaders, node));
  const led = leads.reduce((sum, count) => sum + count, 0);
  return leaders.length > 0 && led === leaders.length && Math.max(...leads) - Math.min(...leads) <= unevenMax;
}

/** Shards that had an election, or another leader, in between. */
export function changedLeaders(before: readonly ShardLeader[], after: readonly ShardLeader[]): number {
  const known = new Map(before.map((row) => [row.shard, row]));
  return after.filter(({ shard, leader, term }) => {
    const then = known.get(shard);
    return then !== undefined && (then.term !== term || then.leader !== leader);
  }).length;
}
