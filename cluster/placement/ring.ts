/**
 * The ring: which nodes each shard prefers, in which order.
 *
 * Promises: pure; all nodes that know the same list get the same answer, whatever its order; a node more or less moves
 * about its own share of the copies and nothing else; copies are spread over zones, then hosts, as evenly as there are any.
 * A longer list begins with the shorter one.
 *
 * What is known of `hashring` 3.2.0, and minded here:
 * - Each node stands at some hundred points of a circle of 32 bits; a shard takes the nodes that follow its own point.
 *   Copies are within some percent of even over nodes. *First* choices are not (up to 1.3 of the mean): `leaders.ts`.
 * - By default the number of points is `floor(weight / total * 40 * nodes)`, whose rounding depends on how many nodes there
 *   are, so one node more could move the others' points too. With `vnodes` other than 40 it is exact: 4 points each.
 * - A node's points are the hashes of `<id>-<number>`. The key of a shard has a form that no such text has, or the shard
 *   `x-7` would always begin with the node `x`.
 * - Equal points (of 25,000 on 2^32, about one pair in fourteen rings) stand in the order of the list: it is sorted first.
 * - Its own default hash is MD5, which machines in FIPS mode refuse: SHA-256 instead, of which it takes 16 bytes.
 *
 * Leaves to others: which nodes count, and how many copies there should be (`desired.ts`); keeping the answer.
 */
import { hash } from 'node:crypto';
import HashRing from 'hashring';
import type { NodeId } from '../../runtime/base/ids.ts';

/** Nodes with the same label share what may fail: power, a machine. A label that all have changes nothing. */
export interface RingNode {
  readonly id: NodeId;
  readonly zone: string;
  readonly host: string;
}

/** Times 4 points. Shares differ by some 5 % between nodes; more points cost memory and time and gain little. */
const pointGroupsOfNode = 100;

const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer');

/** @returns one list for each shard, of `count` different nodes, or of all when there are fewer */
export function preferenceLists(
  nodes: readonly RingNode[],
  shardCount: number,
  count: number,
): readonly (readonly NodeId[])[] {
  const byId = new Map<string, RingNode>(inOrder(nodes).map((node) => [node.id, node]));
  const points = Object.fromEntries([...byId.keys()].map((id) => [id, { vnodes: pointGroupsOfNode }]));
  const ring = new HashRing(points, sha256);
  return Array.from({ length: shardCount }, (_, shard) => {
    const order = byId.size === 0 ? [] : ring.range(`shard/${shard}`, byId.size);
    return spread(
      order.map((id) => byId.get(id)!),
      count,
    );
  });
}

function inOrder(nodes: readonly RingNode[]): RingNode[] {
  return [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * A node of a zone that was taken already is passed over while there is one of a zone that was taken less often; among
 * those of one zone, likewise by host.
 */
function spread(order: readonly RingNode[], count: number): NodeId[] {
  const left = [...order];
  const zones = new Map<string, number>();
  const hosts = new Map<string, number>();
  const chosen: NodeId[] = [];
  while (chosen.length < count && left.length > 0) {
    let best = 0;
    let bestUses = Number.POSITIVE_INFINITY;
    for (const [at, { zone, host }] of left.entries()) {
      // A host is used less often than there are nodes, so it only decides between zones that are used alike.
      const uses = (zones.get(zone) ?? 0) * order.length + (hosts.get(host) ?? 0);
      if (uses >= bestUses) continue;
      best = at;
      bestUses = uses;
    }
    const [node] = left.splice(best, 1) as [RingNode];
    zones.set(node.zone, (zones.get(node.zone) ?? 0) + 1);
    hosts.set(node.host, (hosts.get(node.host) ?? 0) + 1);
    chosen.push(node.id);
  }
  return chosen;
}
