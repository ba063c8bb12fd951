/**
 * Where there is no map: a node joins groups, maybe as the witness, and others leave them, one configuration change after
 * another. Where there is one the mover does that (`cluster/placement/`), and it knows no witness yet.
 */
import type { NodeId, ShardId } from '../../runtime/base/ids.ts';
import type { GroupStatus } from '../../cluster/groups/status.ts';
import type { Configuration, ConfigurationChange } from '../../cluster/raft/protocol.ts';
import type { Dice } from './world/random.ts';
import type { SimWorld } from './world/sim-world.ts';

const swapTriesMax = 80;
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
  await reach(world, shard, { joins, leaves, asWitness });
}

interface Goal {
  readonly joins: NodeId;
  readonly leaves: NodeId | null;
  /** If there is none then. */
  readonly asWitness: boolean;
}

/** Asks for the next step, as often as it takes: what a deposed leader had begun may be undone. */
async function reach(world: SimWorld, shard: ShardId, goal: Goal): Promise<void> {
  let before = '';
  for (let i = 0; i < swapTriesMax && world.oracle.broken === null; i++) {
    const now = leaderOf(world, shard);
    if (now !== null) {
      const { configuration, committed, last } = now.status;
      const members = `${configuration.voters.join(' ')} / ${configuration.learners.join(' ')}`;
      if (before !== '' && before !== members) world.count('configuration changes');
      before = members;
      const next = nextStep(configuration, goal);
      if (next === null && committed === last) {
        if (configuration.witness === goal.joins) world.count('witnesses promoted');
        return;
      }
      if (next !== null) now.ask(next);
    }
    await world.timeline.sleep(tryEveryMs);
  }
}

function nextStep(
  { voters, learners, witness }: Configuration,
  { joins, leaves, asWitness }: Goal,
): ConfigurationChange | null {
  const isThere = leaves !== null && [...voters, ...learners].includes(leaves);
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
    if (node === null) continue;
    const { host } = node;
    const status = host.statusOf(shard);
    if (!status.isServed) continue;
    if (best !== null && best.status.term > status.term) continue;
    best = { status, ask: (wanted) => host.changeConfiguration(shard, wanted, () => undefined) };
  }
  return best;
}
