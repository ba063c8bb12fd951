/**
 * Who should lead which shard: each shard's first choice, then shifted until no node leads two more than another that
 * could take one.
 *
 * A shift is a chain: the busiest node gives a shard to one of that shard's list, that one gives another of its own on, until
 * a node gets it that leads at least two less than the busiest. The shortest chain is taken, so little moves. Where no chain is
 * left, the assignment is as even as the lists allow (Harvey et al., "Semi-Matchings for Bipartite Graphs and Load
 * Balancing", 2006); with three nodes and three copies that is within one.
 *
 * Promises: pure; the same lists give the same leaders on each node; a small change of the lists moves few of them. Moving
 * a leader moves no data.
 * Leaves to others: the lists (`ring.ts`), and when a leader is moved (`next-move.ts`).
 */
import type { NodeId } from '../../runtime/base/ids.ts';
import { invariant } from '../../runtime/base/invariant.ts';

type Shard = number;
type Lists = readonly (readonly NodeId[])[];

/** @param lists of each shard, the nodes that may lead it: at least one, the preferred one first */
export function assignLeaders(lists: Lists): readonly NodeId[] {
  const leaders: NodeId[] = [];
  const led = new Map<NodeId, Set<Shard>>(lists.flat().map((node) => [node, new Set()]));
  for (const [shard, [first]] of lists.entries()) {
    invariant(first !== undefined, 'a shard that is to have a leader has a node');
    leaders.push(first);
    led.get(first)!.add(shard);
  }
  // Once no chain leads away from a node, none ever will: chains of less busy nodes do not come by what it reaches.
  const settled = new Set<NodeId>();
  for (;;) {
    const busiest = busiestOf(led, settled);
    if (busiest === null) return leaders;
    const chain = chainFrom(busiest, lists, led);
    if (chain === null) settled.add(busiest);
    for (const { shard, from, to } of chain ?? []) {
      led.get(from)!.delete(shard);
      led.get(to)!.add(shard);
      leaders[shard] = to;
    }
  }
}

function busiestOf(led: ReadonlyMap<NodeId, ReadonlySet<Shard>>, settled: ReadonlySet<NodeId>): NodeId | null {
  let best: NodeId | null = null;
  let most = -1;
  for (const [node, { size }] of led) {
    if (settled.has(node) || size < most || (size === most && best !== null && best < node)) continue;
    best = node;
    most = size;
  }
  return best;
}

interface Link {
  readonly shard: Shard;
  readonly from: NodeId;
  readonly to: NodeId;
}

/** The shortest way by which `busiest` gets rid of a shard to a node that leads at least two less. Null: there is none. */
function chainFrom(busiest: NodeId, lists: Lists, led: ReadonlyMap<NodeId, ReadonlySet<Shard>>): Link[] | null {
  const enough = led.get(busiest)!.size - 2;
  const reachedBy = new Map<NodeId, Link | null>([[busiest, null]]);
  // A map is walked in the order in which it grows, also while it does.
  for (const from of reachedBy.keys()) {
    for (const shard of led.get(from)!) {
      for (const to of lists[shard]!) {
        if (reachedBy.has(to)) continue;
        reachedBy.set(to, { shard, from, to });
        if (led.get(to)!.size <= enough) return chainTo(to, reachedBy);
      }
    }
  }
  return null;
}

function chainTo(end: NodeId, reachedBy: ReadonlyMap<NodeId, Link | null>): Link[] {
  const chain: Link[] = [];
  for (let link = reachedBy.get(end); link != null; link = reachedBy.get(link.from)) chain.push(link);
  return chain;
}
