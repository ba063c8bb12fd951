/**
 * A copy of some time ago is put back for a machine's disk. The others refuse it, so the machine joins again, empty and under
 * another name.
 *
 * What is asked of the cluster is what marks promise: the node has started since the copy was made, and every other node
 * knows of that. And each shard has three voters, then as now: one copy of a mail is lost with the newer disk, and one that
 * was alone when the copy was made cannot know that it is not any more.
 */
import { metadataShard } from '../../runtime/actor/shard.ts';
import type { ShardId } from '../../runtime/base/ids.ts';
import { join } from './forming.ts';
import type { Machine } from './world/machine.ts';
import type { Dice } from './world/random.ts';
import type { SimWorld } from './world/sim-world.ts';

const lookEveryMs = 200;
const triesMax = 60;

export async function putBackOldDisk(world: SimWorld, machine: Machine, forMs: number, dice: Dice): Promise<void> {
  const { timeline } = world;
  if (!(await until(world, () => machine.node !== null && world.damagedRows === 0 && hasOthers(world)))) return;
  if (machine.node === null) return;
  const { number } = machine.node.marks.current();
  const rows = machine.disk.rows.copy();
  const { nodesKnown } = machine;
  const atMs = world.nowMs;
  world.note(`${machine.id} is copied and restarted`);
  world.stop(machine, 0.5, true);
  await timeline.sleep(dice.spread(20, 300));
  world.start(machine);
  await timeline.sleep(forMs);
  if (!(await until(world, () => isRemembered(world, machine, number) && hasOthers(world)))) return;
  world.stop(machine, 0.5, true);
  machine.hasOldDisk = true;
  machine.disk.rows = rows;
  machine.nodesKnown = nodesKnown;
  const agoMs = world.nowMs - atMs;
  world.tell('oldDisk', `a copy of ${(agoMs / 1_000).toFixed(2)} s ago is put back for the disk of ${machine.id}`);
  world.joining++;
  await timeline.sleep(dice.spread(5, 500));
  world.start(machine);
}

/** The others have turned it away. */
export function replace(world: SimWorld, machine: Machine): void {
  const dice = world.dice.split(`replaced ${machine.id}`);
  world.timeline
    .sleep(dice.spread(200, 2_000))
    .then(() => {
      world.rename(machine);
      join(world, machine, dice);
      world.joining--;
    })
    .catch((error: unknown) => world.oracle.fail(`replacing ${machine.id}: ${String(error)}`));
}

async function until(world: SimWorld, isSo: () => boolean): Promise<boolean> {
  for (let i = 0; !isSo(); i++) {
    if (i === triesMax || world.isClosing) return false;
    await world.timeline.sleep(lookEveryMs);
  }
  return true;
}

function isRemembered({ machines }: SimWorld, machine: Machine, number: number): boolean {
  return machines.every(({ id, hasJoined, node }) => {
    if (id === machine.id || !hasJoined) return true;
    const record = node?.cluster.membership.map?.nodes.find((other) => other.id === machine.id);
    return (record?.started?.mark.number ?? 0) > number;
  });
}

function hasOthers(world: SimWorld): boolean {
  for (let shard = 0; shard <= metadataShard(world.plan.shardCount); shard++) {
    if ((world.configurationOf(shard as ShardId)?.voters.length ?? 0) < 3) return false;
  }
  return true;
}
