/**
 * One look of the mover at all shards that this node leads: what is done now, within the bounds of what may be done at once.
 *
 * Promises: pure: what is remembered and what is seen in, what to remember and acts out, in a fixed order (the metadata's
 * shard first, since all nodes wait for it; then by number).
 *
 * Copies to a node are counted as far as they are seen from here. This leader's own are known. Those of other leaders are
 * seen where this node has a replica, but that may be old and name a learner for ever; so they halve this leader's share and
 * never take all of it.
 *
 * Leaves to others: what comes next for one shard (`next-move.ts`), acting and time (`mover.ts`).
 */
import type { NodeId, ShardId, Term } from '../../runtime/base/ids.ts';
import type { ConfigurationChange } from '../raft/protocol.ts';
import type { Goals } from './desired.ts';
import { type GroupView, keepsUp, nextMove, type NodesView } from './next-move.ts';
import type { MoverSettings } from './settings.ts';

export type Act =
  | { readonly kind: 'change'; readonly shard: ShardId; readonly change: ConfigurationChange }
  | { readonly kind: 'transfer'; readonly shard: ShardId; readonly to: NodeId };

/** Of a shard that is led here. */
interface ShardMemory {
  readonly term: Term;
  readonly ledSinceMs: number;
  /** The last time that it was to be handed over. */
  readonly transferAtMs: number | null;
  /** Since when a learner that is ready waits for a second one. */
  readonly pairingSinceMs: number | null;
}

export type MoverMemory = ReadonlyMap<ShardId, ShardMemory>;

export interface MoverView {
  readonly nowMs: number;
  /** Of all replicas here, whatever their role. */
  readonly groups: readonly GroupView[];
  readonly desired: Goals;
  readonly nodes: NodesView;
  readonly settings: MoverSettings;
}

export interface MoverStep {
  readonly memory: MoverMemory;
  readonly acts: readonly Act[];
  /** There is something that time alone brings on. */
  readonly isWaiting: boolean;
}

export function step(before: MoverMemory, view: MoverView): MoverStep {
  const { nowMs, desired, nodes, settings } = view;
  const led = ledHere(view);
  const copies = new Copies(view);
  const memory = new Map<ShardId, ShardMemory>();
  const acts: Act[] = [];
  let transfers = led.filter(({ transferTo }) => transferTo !== null).length;
  let isWaiting = false;
  for (const group of led) {
    const { shard } = group;
    const known = recall(before.get(shard), group, nowMs);
    const { move, isPairing } = nextMove(group, desired, nodes, {
      lagEntriesMax: settings.lagEntriesMax,
      isSettled: isPast(known.ledSinceMs, settings.settledMs, nowMs),
      mayTransfer: isPast(known.transferAtMs, settings.transferAgainMs, nowMs),
      isPairOverdue: known.pairingSinceMs !== null && isPast(known.pairingSinceMs, settings.pairMsMax, nowMs),
      mayCopyTo: (node) => copies.mayBegin(node),
    });
    let { transferAtMs } = known;
    if (move.kind === 'change') {
      acts.push({ kind: 'change', shard, change: move.change });
      if (move.change.kind === 'addLearner') copies.begin(move.change.node);
    } else if (move.kind === 'transfer' && (move.isUrgent || transfers < settings.transfersMax)) {
      acts.push({ kind: 'transfer', shard, to: move.to });
      transfers++;
      transferAtMs = nowMs;
    } else if (move.kind !== 'rest') isWaiting = true;
    memory.set(shard, { ...known, transferAtMs, pairingSinceMs: isPairing ? (known.pairingSinceMs ?? nowMs) : null });
  }
  return { memory, acts, isWaiting };
}

/** The metadata's shard first. */
function ledHere({ groups, desired }: Pick<MoverView, 'groups' | 'desired'>): GroupView[] {
  const rank = (shard: ShardId): number => (shard === desired.metadataShard ? -1 : shard);
  return groups.filter(({ role }) => role === 'leader').sort((a, b) => rank(a.shard) - rank(b.shard));
}

function recall(known: ShardMemory | undefined, { term }: GroupView, nowMs: number): ShardMemory {
  if (known?.term === term) return known;
  return { term, ledSinceMs: nowMs, transferAtMs: null, pairingSinceMs: null };
}

function isPast(sinceMs: number | null, forMs: number, nowMs: number): boolean {
  return sinceMs === null || nowMs - sinceMs >= forMs;
}

/** Copies on their way, by the node that they go to. */
class Copies {
  readonly #max: number;
  readonly #own = new Map<NodeId, number>();
  readonly #others = new Map<NodeId, number>();

  constructor({ groups, desired, nodes, settings }: MoverView) {
    this.#max = settings.copiesToNodeMax;
    for (const group of groups) {
      const { learners } = group.configuration;
      if (group.role === 'leader') {
        for (const node of learners) {
          if (!keepsUp(group, node, settings.lagEntriesMax)) count(this.#own, node);
        }
      } else if (group.shard !== desired.metadataShard && group.leader !== null && nodes.isAlive(group.leader)) {
        // A learner of a shard is promoted once it has its copy; those of the metadata group stay what they are.
        for (const node of learners) count(this.#others, node);
      }
    }
  }

  mayBegin(node: NodeId): boolean {
    const own = this.#own.get(node) ?? 0;
    return own === 0 || own + (this.#others.get(node) ?? 0) < this.#max;
  }

  begin(node: NodeId): void {
    count(this.#own, node);
  }
}

function count(counts: Map<NodeId, number>, node: NodeId): void {
  counts.set(node, (counts.get(node) ?? 0) + 1);
}
