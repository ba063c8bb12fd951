/** A node joins groups, and others leave them: one configuration change after another, as the mover will ask for them. */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { GroupStatus } from '../../cluster/groups/status.ts';
import type { Configuration, ConfigurationChange } from '../../cluster/raft/protocol.ts';
import type { Machine } from './world/machine.ts';
import type { Dice } from './world/random.ts';
import type { SimWorld } from './world/sim-world.ts';

const swapTriesMax = 80;
const replaceTriesMax = 400;
const tryEveryMs = 250;

/** In some shards: the first node that is no voter joins, and a voter leaves. Given up when it takes too long. */
export async function changeMembers(world: SimWorld, dice: Dice): Promise<void> {
  const shards = Array.from({ length: world.plan.shardCount }, (_, shard) => shard as ShardId);
  const chosen = dice.some(shards, dice.whole(1, shards.length));
  world.tell('membership', `members of the shards ${chosen.join(', ')} change`);
  await Promise.all(chosen.map((shard) => swap(world, dice.split(`shard ${shard}`), shard)));
}

async function swap(world: SimWorld, dice: Dice, shard: ShardId): Promise<void> {
  const now = leaderOf(world, shard);
  if (now === null) return;
  const { voters } = now.status.configuration;
  const joins = world.machines.find(({ id }) => !voters.includes(id))?.id;
  if (joins === undefined) return;
  const leaves = dice.chance(0.5) ? dice.pick(voters) : null;
  // Beside a witness two disks have the mail, and one may be all that has the newest: then none may go bad.
  const areSound = world.plan.faults.every(({ kind }) => kind !== 'flip' && kind !== 'oldDisk');
  const asWitness = areSound && dice.split('witness').chance(0.4);
  await reach(world, shard, { joins, leaves, isGone: false, asWitness }, swapTriesMax);
}

/**
 * Stands in for the cluster's metadata (plan §8), which remembers each start of a node: one whose disk is older than that is
 * refused, and joins again under a new id with an empty disk.
 */
export async function replaceMember(world: SimWorld, machine: Machine, dice: Dice): Promise<void> {
  const leaves = machine.id;
  world.underRepair++;
  await world.timeline.sleep(dice.spread(200, 2_000));
  world.rename(machine);
  machine.isBarred = false;
  world.start(machine);
  const joins = machine.id;
  // Another witness in its place, or another node with mail.
  const asWitness = world.plan.witness === world.machines.indexOf(machine);
  for (let shard = 0; shard < world.plan.shardCount; shard++) {
    const goal = { joins, leaves, isGone: true, asWitness };
    const isReached = await reach(world, shard as ShardId, goal, replaceTriesMax);
    if (isReached || world.oracle.broken !== null) continue;
    const { configuration, followers } = leaderOf(world, shard as ShardId)?.status ?? {};
    const knows = JSON.stringify([configuration, followers]);
    world.oracle.fail(`shard ${shard}: ${joins} could not take the place of ${leaves}: ${knows}`);
  }
  world.underRepair--;
}

interface Goal {
  readonly joins: NodeId;
  readonly leaves: NodeId | null;
  /** For good, and maybe with its disk. */
  readonly isGone: boolean;
  /** If there is none then. */
  readonly asWitness: boolean;
}

/** Asks for the next step, as often as it takes: what a deposed leader had begun may be undone. */
async function reach(world: SimWorld, shard: ShardId, goal: Goal, tries: number): Promise<boolean> {
  let before = '';
  for (let i = 0; i < tries && world.oracle.broken === null; i++) {
    const now = leaderOf(world, shard);
    if (now !== null) {
      const { configuration, committed, last } = now.status;
      const members = `${configuration.voters.join(' ')} / ${configuration.learners.join(' ')}`;
      if (before !== '' && before !== members) world.count('configuration changes');
      before = members;
      const next = nextStep(configuration, goal);
      if (next === null && committed === last) {
        if (configuration.witness === goal.joins) world.count('witnesses promoted');
        return true;
      }
      if (next !== null) now.ask(next);
    }
    await world.timeline.sleep(tryEveryMs);
  }
  return false;
}

function nextStep(
  { voters, learners, witness }: Configuration,
  { joins, leaves, isGone, asWitness }: Goal,
): ConfigurationChange | null {
  const isThere = leaves !== null && [...voters, ...learners].includes(leaves);
  // One that is gone leaves first: it only makes majorities larger. One that lives leaves last: of two, none may be lost.
  if (isGone && isThere && voters.length > 1 && learners.length === 0 && !voters.includes(joins)) {
    return voters.length === 2 ? { kind: 'addLearner', node: joins } : { kind: 'remove', node: leaves };
  }
  if (!voters.includes(joins)) {
    if (learners.includes(joins)) return { kind: 'promote', node: joins, isWitness: asWitness && witness === null };
    return { kind: 'addLearner', node: joins };
  }
  return isThere ? { kind: 'remove', node: leaves } : null;
}

/** Of the last term: one that was deposed may not know it yet. */
function leaderOf(world: SimWorld, shard: ShardId) {
  let best: { readonly status: GroupStatus; readonly ask: (wanted: ConfigurationChange) => void } | null = null;
  for (const { node } of world.machines) {
    const host = node?.host;
    const status = host?.status()[shard];
    if (host === undefined || status === undefined || !status.isServed) continue;
    if (best !== null && best.status.term > status.term) continue;
    best = { status, ask: (wanted) => host.changeConfiguration(shard, wanted, () => undefined) };
  }
  return best;
}
